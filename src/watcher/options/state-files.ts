/**
 * The files of the option `statePath`, if they are inside a watched tree. Each event changes them, so reporting them
 * would never end.
 * Guarantees: recognises them by their directory and names, by any path to that directory, and also after it was moved.
 */
import { type BigIntStats, realpathSync, statSync } from 'node:fs';
import { baseOf, folderOf } from '../../files/job-paths.js';
import { type ByteName, bytesOfName } from '../../linux/names.js';
import { absolutePath } from '../backend/paths.js';

/** The files of SQLite: the database, its write-ahead log, the index of that log, and its rollback journal. */
const ENDINGS = ['', '-wal', '-shm', '-journal'];

/** Returns a test for paths below the root. The state file must exist. */
export function stateFiles(statePath: string | undefined, root: ByteName): (path: ByteName) => boolean {
  if (statePath === undefined) return () => false;
  const real = realOf(statePath);
  const names = new Set(ENDINGS.map((ending) => `${baseOf(real)}${ending}` as ByteName));
  const home = directoryAt(folderOf(real));
  return (path) => {
    if (!names.has(baseOf(path))) return false;
    const directory = directoryAt(absolutePath(root, folderOf(path)));
    return home !== undefined && directory?.ino === home.ino && directory.dev === home.dev;
  };
}

/** Symlinks are resolved, because SQLite puts the other files beside the real file. */
export const realOf = (statePath: string): ByteName =>
  realpathSync(statePath, { encoding: 'buffer' }).toString('latin1') as ByteName;

function directoryAt(path: ByteName): BigIntStats | undefined {
  try {
    return statSync(bytesOfName(path === '' ? ('/' as ByteName) : path), { bigint: true });
  } catch {
    // If the directory cannot be read for any reason, the path is not treated as a state file.
    return undefined;
  }
}
