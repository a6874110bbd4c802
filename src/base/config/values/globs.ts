/** Globs that match nothing, because every path is as the watcher has it: below a root, without empty parts, `.` and `..`. Pure. */

/** At the front of a glob picomatch takes `!` for a negation and ignores `./`. */
const FRONT = /^(?:\.\/|!(?!\())+/;
const GLOB_CHARS_MAX = 65_536;

/**
 * Returns why a glob can never match a path, with what to write instead; undefined where it may match. Text in braces,
 * parentheses or brackets is not judged: a glob that is refused is certain to match nothing.
 */
export function faultOfGlob(glob: string): string | undefined {
  const front = FRONT.exec(glob)?.[0] ?? '';
  const body = glob.slice(front.length);
  const better = (text: string): string => `write ${JSON.stringify(front + text)}`;
  if (glob.length > GLOB_CHARS_MAX) return `it is longer than ${GLOB_CHARS_MAX} characters: write a shorter one`;
  if (glob.includes('\0')) return 'no name has a NUL: leave it out';
  if (body === '')
    return `it names nothing${front === '' ? '' : ` after ${front}`}: write a name, or leave the glob out`;
  if (body.startsWith('/'))
    return 'paths are compared as they are below the root: write that part, without a slash at its front';
  if (body.endsWith('/')) return `no path ends in a slash: ${better(body.replace(/\/+$/, ''))}`;
  if (/^\.\.?(?:\/|$)/.test(body)) return 'paths are below the root: write them without . and ..';
  if (/[{([]/.test(body)) return undefined;
  if (body.includes('//')) return `no part of a path is empty: ${better(body.replace(/\/+/g, '/'))}`;
  if (/\/\.\.?(?:\/|$)/.test(body)) return 'no part of a path is . or ..: leave it out';
  return undefined;
}
