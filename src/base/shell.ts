/** Text for commands that a reader copies into a shell. */

export const quoted = (path: string): string =>
  /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

/** Finds the processes that have a file open. `fuser` and `lsof` are not on every machine; find is. Each answer has a pid. */
export const openersOf = (path: string): string =>
  `sudo find /proc/[0-9]*/fd -lname ${quoted(path.replace(/[\\*?[]/g, '\\$&'))} 2>/dev/null`;
