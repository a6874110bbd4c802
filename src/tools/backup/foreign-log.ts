/**
 * Refuses a restored backup with the `-wal` of the former state beside it: SQLite would read that log over the backup, and what
 * only the backup knows would be lost. A backup is no WAL database until a process has opened it for writing.
 * Does not: run in a process with a connection to the state; closing the file here would release its locks.
 */
import { openSync, readSync, statSync } from 'node:fs';
import { EnvironmentError } from '../../base/errors.js';
import { typed } from '../../base/shell.js';
import { withFd } from '../../linux/index.js';

/** Offset in the header: "file format write version", 1 for a rollback journal, 2 for WAL (https://sqlite.org/fileformat.html). */
const WRITE_VERSION_AT = 18;
const NO_WAL = 1;

/** Errors: EnvironmentError `log_of_another_state`. */
export function refuseForeignLog(statePath: string): void {
  // Asked first: a process that turns a file into a WAL database writes the header before it writes a log.
  if (sizeOf(`${statePath}-wal`) === 0) return;
  if (writeVersionOf(statePath) !== NO_WAL) return;
  throw new EnvironmentError(
    'log_of_another_state',
    `${statePath} is a backup, but ${statePath}-wal is of the state that was there before, and would be read over it: stop everything, move every ${statePath}-* away, then run ${typed('ingest-ctl rebuild')}.`,
  );
}

/** 0 where the file is missing or out of reach: who opens the state says so. */
function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** Undefined where the file is missing, empty or cannot be read: who opens the state says so. */
function writeVersionOf(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  const byte = Buffer.alloc(1);
  return withFd(fd, () => readSync(fd, byte, 0, 1, WRITE_VERSION_AT)) === 1 ? byte[0] : undefined;
}
