/**
 * Removes a name with everything below it.
 * Guarantees: never follows a symlink, and never leaves the given directory or its filesystem. `spare` names what stays, and the
 * directories above that stay too. A name that others removed meanwhile is no error.
 */
import { closeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { baseOf, folderOf } from '../../files/job-paths.js';
import { sameMount } from '../../files/mounts.js';
import { namesIn } from '../../files/names-in.js';
import {
  type ByteName,
  joinNames,
  LinuxError,
  openDirectory,
  removeDirectoryAt,
  statAtOrNone,
  unlinkAt,
} from '../../linux/index.js';
import { limits } from './limits.js';
import { takePermissions } from './own-mode.js';

const SPARE_NONE = () => false;

/** Returns how many names were removed. */
export async function removeTree(
  dir: number,
  name: ByteName,
  spare: (path: ByteName, isDirectory: boolean) => boolean = SPARE_NONE,
): Promise<number> {
  let removed = 0;
  const pending = [name];
  const emptied = new Set<ByteName>();
  while (pending.length > 0) {
    const at = pending.at(-1)!;
    if (emptied.has(at)) {
      pending.pop();
      if (unlinked(() => inDirectory(dir, folderOf(at), (fd) => removeDirectoryAt(fd, baseOf(at))))) removed++;
      continue;
    }
    emptied.add(at);
    removed += await emptyOne(dir, at, pending, spare);
  }
  return removed;
}

/**
 * Reports what `removeTree` would remove, the content of a directory before the directory, and changes nothing. Returns
 * whether the name itself would be removed.
 */
export function listTree(
  dir: number,
  at: ByteName,
  spare: (path: ByteName, isDirectory: boolean) => boolean,
  report: (path: ByteName) => void,
): boolean {
  const children: { path: ByteName; isDirectory: boolean }[] = [];
  inDirectory(dir, at, (fd) => {
    for (const name of namesIn(fd))
      children.push({ path: joinNames(at, name), isDirectory: statAtOrNone(fd, name)?.kind === 'directory' });
  });
  let goes = true;
  for (const { path, isDirectory } of children) {
    if (spare(path, isDirectory)) goes = false;
    else if (!isDirectory) report(path);
    else if (!listTree(dir, path, spare, report)) goes = false;
  }
  if (goes) report(at);
  return goes;
}

/** Leaves its subdirectories, and adds them to `pending`. */
async function emptyOne(
  dir: number,
  at: ByteName,
  pending: ByteName[],
  spare: (path: ByteName, isDirectory: boolean) => boolean,
): Promise<number> {
  let removed = 0;
  const fd = openedOrGone(dir, at);
  if (fd === undefined) return 0;
  try {
    // Somebody mounted a filesystem here.
    if (!sameMount(dir, fd)) return 0;
    // The mirrored mode may forbid the owner to write in the directory. It stays if something in it is spared.
    takePermissions(fd);
    let n = 0;
    for (const child of namesIn(fd)) {
      const path = joinNames(at, child);
      if (++n % limits.sliceNames === 0) await turn();
      const isDirectory = statAtOrNone(fd, child)?.kind === 'directory';
      if (spare(path, isDirectory)) continue;
      if (isDirectory) pending.push(path);
      else if (unlinked(() => unlinkAt(fd, child))) removed++;
    }
  } finally {
    closeSync(fd);
  }
  return removed;
}

function openedOrGone(dir: number, at: ByteName): number | undefined {
  try {
    return openDirectory(dir, at);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}

function inDirectory(dir: number, path: ByteName, act: (fd: number) => void): void {
  if (path === '') {
    act(dir);
    return;
  }
  const fd = openDirectory(dir, path);
  try {
    act(fd);
  } finally {
    closeSync(fd);
  }
}

/** ENOTEMPTY: something in it was spared, or arrived meanwhile. EBUSY: a mount. EISDIR: it became a directory meanwhile. */
function unlinked(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EBUSY', 'ENOTDIR', 'EISDIR', 'ELOOP'].includes(codeOf(error) ?? ''))
      return false;
    throw error;
  }
}

const codeOf = (error: unknown): string | undefined => (error instanceof LinuxError ? error.code : undefined);
