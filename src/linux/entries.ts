/**
 * The entries of a directory: make, rename and remove, each relative to a directory descriptor.
 * Guarantees: a rename never overwrites, except `renameReplacing`.
 * Does not: sync. The caller syncs the directories if the change must be on disk. Source: renameat2(2), unlinkat(2),
 * mkdirat(2).
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
 * Replaces in one step what lies under the new name: a reader opens either the old or the new file. Only the mirror
 * uses it; the ingestor never overwrites. Errors: LinuxError; EISDIR or ENOTEMPTY if a directory lies there, EXDEV
 * across mounts.
 */
export function renameReplacing(oldDir: number, oldName: ByteName, newDir: number, newName: ByteName): void {
  const from = cString(oldName, 'renameat2', 0);
  const to = cString(newName, 'renameat2', 1);
  if (renameat2(oldDir, from, newDir, to, 0) < 0) throw new LinuxError('renameat2', errno(), oldName);
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
