/**
 * Everything below a directory that any change would alter, to be compared before and after.
 */
import { tree } from './tree.js';

/**
 * Names, inodes, owners, modes, sizes, times and digests. Left out are the times of a state's folder, and files that
 * SQLite makes in it for a reader (`-wal`, `-shm`).
 */
export function everythingIn(directory: string): string[] {
  const found = tree(directory).filter(({ path }) => !/\.db-(wal|shm)$/.test(path));
  const ofStates = new Set(found.flatMap(({ path }) => (path.endsWith('.db') ? [folderOf(path)] : [])));
  return found.map(({ path, kind, ino, mode, uid, gid, size, sha256, mtimeNs }) =>
    [path, kind, ino, mode, uid, gid, sha256, ...(ofStates.has(path) ? [] : [size, mtimeNs])].join(' '),
  );
}

const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
