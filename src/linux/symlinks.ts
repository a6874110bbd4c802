/**
 * Reads and makes symlinks: a target as bytes, never followed. Source: symlink(2), readlink(2), chown(2).
 */
import { cString } from './c-string.js';
import { ERRNO, LinuxError } from './error.js';
import { errno, fchownat, readlinkat, symlinkat } from './libc.js';
import { type ByteName, nameOfBytes } from './names.js';

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
