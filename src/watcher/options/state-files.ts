/**
 * The files of a state (`statePath`) where they lie inside a watched tree: each event changes them, so telling of them would
 * never end.
 * Guarantees: they are known by their directory and names, by whichever way that directory is reached, and also after it was moved.
 */
import { type BigIntStats, realpathSync, statSync } from 'node:fs';
import { baseOf, folderOf } from '../../files/places.js';
import { type ByteName, bytesOfName } from '../../linux/names.js';
import { absolutePath } from '../backend/paths.js';

/** Of SQLite: the database, its write-ahead log with the index of that, and its rollback journal. */
const ENDINGS = ['', '-wal', '-shm', '-journal'];

/** Asks of a path below the root. The state has to be there. */
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

/** Symlinks are resolved: SQLite puts the others beside the file itself. */
export const realOf = (statePath: string): ByteName =>
  realpathSync(statePath, { encoding: 'buffer' }).toString('latin1') as ByteName;

function directoryAt(path: ByteName): BigIntStats | undefined {
  try {
    return statSync(bytesOfName(path === '' ? ('/' as ByteName) : path), { bigint: true });
  } catch {
    // Whatever keeps it from being looked at: it is not told by this name.
    return undefined;
  }
}
