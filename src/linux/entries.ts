/**
 * The entries of a directory: make, rename, link and remove, each relative to a directory descriptor.
 * Guarantees: nothing is overwritten, except by `renameReplacing`.
 * Does not: sync. The caller syncs the directories if the change must be on disk. Source: renameat2(2), linkat(2),
 * unlinkat(2), mkdirat(2).
 */
import { cString } from './c-string.js';
import { ERRNO, LinuxError } from './error.js';
import { errno, fchownat, linkat, mkdirat, readlinkat, renameat, renameat2, symlinkat, unlinkat } from './libc.js';
import { type ByteName, nameOfBytes } from './names.js';
import { statAtOrNone } from './stat.js';

const RENAME_NOREPLACE = 1;
const AT_REMOVEDIR = 0x200;

/**
 * Errors: LinuxError; EEXIST when the new name is taken, EXDEV across mounts (also two mounts of one filesystem), EINVAL
 * where the filesystem does not know the flag (`isUnknownFlag`).
 */
export function renameNoReplace(oldDir: number, oldName: ByteName, newDir: number, newName: ByteName): void {
  const from = cString(oldName, 'renameat2', 0);
  const to = cString(newName, 'renameat2', 1);
  if (renameat2(oldDir, from, newDir, to, RENAME_NOREPLACE) < 0) throw new LinuxError('renameat2', errno(), oldName);
}

/** Answers of filesystems that know no rename without overwriting: FUSE, NFS, ZFS before 2.2. */
const UNKNOWN_FLAG = new Set(['EINVAL', 'ENOSYS', 'ENOTSUP']);

export const isUnknownFlag = (error: unknown): boolean =>
  error instanceof LinuxError && error.call === 'renameat2' && UNKNOWN_FLAG.has(error.code);

/**
 * Replaces in one step what lies under the new name: a reader opens either the old or the new file. Only the mirror uses
 * it to replace; src/files/moves.ts uses it where nothing can lie. renameat(2) is known to every filesystem, so it has
 * no flags. Errors: LinuxError; EISDIR or ENOTEMPTY if a directory lies there, EXDEV across mounts.
 */
export function renameReplacing(oldDir: number, oldName: ByteName, newDir: number, newName: ByteName): void {
  const from = cString(oldName, 'renameat', 0);
  const to = cString(newName, 'renameat', 1);
  if (renameat(oldDir, from, newDir, to) < 0) throw new LinuxError('renameat', errno(), oldName);
}

/**
 * Gives a file a second name. A symlink is not followed. Errors: LinuxError; EEXIST when the new name is taken, EXDEV
 * across mounts, EPERM where the filesystem knows no links or the file may not be linked (fs.protected_hardlinks), EMLINK.
 */
export function linkAt(oldDir: number, oldName: ByteName, newDir: number, newName: ByteName): void {
  const from = cString(oldName, 'linkat', 0);
  const to = cString(newName, 'linkat', 1);
  if (linkat(oldDir, from, newDir, to, 0) < 0) throw new LinuxError('linkat', errno(), oldName);
}

/** Errors: LinuxError EEXIST if something has the name, as a rename that never overwrites gives it. */
export function refuseTaken(dir: number, name: ByteName): void {
  if (statAtOrNone(dir, name)) throw new LinuxError('renameat', ERRNO.EEXIST, name);
}

export function unlinkAt(dir: number, name: ByteName): void {
  if (unlinkat(dir, cString(name, 'unlinkat'), 0) < 0) throw new LinuxError('unlinkat', errno(), name);
}

/** Removes an empty directory. Errors: LinuxError; ENOTEMPTY. */
export function removeDirectoryAt(dir: number, name: ByteName): void {
  if (unlinkat(dir, cString(name, 'unlinkat'), AT_REMOVEDIR) < 0) throw new LinuxError('unlinkat', errno(), name);
}

/** The umask is removed from `mode`, as in every mkdir. */
export function makeDirectoryAt(dir: number, name: ByteName, mode: number): void {
  if (mkdirat(dir, cString(name, 'mkdirat'), mode) < 0) throw new LinuxError('mkdirat', errno(), name);
}

/**
 * Reads and makes symlinks: a target as bytes, never followed. Source: symlink(2), readlink(2), chown(2).
 */

const AT_SYMLINK_NOFOLLOW = 0x100;
/** One byte more than a target can have, because PATH_MAX counts its NUL. */
const into = new Uint8Array(4_096);

/** Returns the target as it was written. Errors: LinuxError; EINVAL if it is no symlink. */
export function readLinkAt(dir: number, name: ByteName): ByteName {
  const length = readlinkat(dir, cString(name, 'readlinkat'), into, into.length);
  if (length < 0) throw new LinuxError('readlinkat', errno(), name);
  // Some filesystems contain longer targets than any call can create.
  if (length === into.length) throw new LinuxError('readlinkat', ERRNO.ENAMETOOLONG, name);
  return nameOfBytes(into.subarray(0, length));
}

/** Errors: LinuxError; EEXIST if the name is taken. */
export function makeSymlinkAt(target: ByteName, dir: number, name: ByteName): void {
  if (symlinkat(cString(target, 'symlinkat', 0), dir, cString(name, 'symlinkat', 1)) < 0)
    throw new LinuxError('symlinkat', errno(), name);
}

/** Changes the owner of the name itself; a symlink is not followed. */
export function setOwnerAt(dir: number, name: ByteName, uid: number, gid: number): void {
  if (fchownat(dir, cString(name, 'fchownat'), uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
    throw new LinuxError('fchownat', errno(), name);
}
