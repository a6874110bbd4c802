/**
 * The names in a directory: make, link, move and remove, each relative to a directory descriptor.
 * Guarantees: a move never overwrites, save the one whose name says so. Does not: sync; who needs the change on disk syncs
 * the directories.
 * Source: renameat2(2), unlinkat(2), mkdirat(2).
 */
import { cString } from './c-string.js';
import { LinuxError } from './error.js';
import { errno, mkdirat, renameat2, unlinkat } from './libc.js';
import type { ByteName } from './names.js';

const RENAME_NOREPLACE = 1;
const AT_REMOVEDIR = 0x200;

/** Errors: LinuxError; EEXIST when the new name is taken, EXDEV across mounts (also two mounts of one filesystem). */
export function renameNoReplace(oldDir: number, oldName: ByteName, newDir: number, newName: ByteName): void {
  const from = cString(oldName, 'renameat2', 0);
  const to = cString(newName, 'renameat2', 1);
  if (renameat2(oldDir, from, newDir, to, RENAME_NOREPLACE) < 0) throw new LinuxError('renameat2', errno(), oldName);
}

/**
 * What lies under the new name is replaced in one step: whoever opens it gets the one or the other. For a mirror alone; the
 * ingestor never overwrites. Errors: LinuxError; EISDIR or ENOTEMPTY where a directory lies there, EXDEV across mounts.
 */
export function renameReplacing(oldDir: number, oldName: ByteName, newDir: number, newName: ByteName): void {
  const from = cString(oldName, 'renameat2', 0);
  const to = cString(newName, 'renameat2', 1);
  if (renameat2(oldDir, from, newDir, to, 0) < 0) throw new LinuxError('renameat2', errno(), oldName);
}

export function unlinkAt(dir: number, name: ByteName): void {
  if (unlinkat(dir, cString(name, 'unlinkat'), 0) < 0) throw new LinuxError('unlinkat', errno(), name);
}

/** Only an empty one. */
export function removeDirectoryAt(dir: number, name: ByteName): void {
  if (unlinkat(dir, cString(name, 'unlinkat'), AT_REMOVEDIR) < 0) throw new LinuxError('unlinkat', errno(), name);
}

/** The umask is taken off `mode`, as always. */
export function makeDirectoryAt(dir: number, name: ByteName, mode: number): void {
  if (mkdirat(dir, cString(name, 'mkdirat'), mode) < 0) throw new LinuxError('mkdirat', errno(), name);
}
