/**
 * The last step for each changed directory of DEST: sets the mode, owner and times of SOURCE, and syncs it. Also sets
 * the attributes of files and symlinks.
 * Guarantees: each directory in which something was done is in `touched` until `finishDirectories`.
 */
import { closeSync, fsync } from 'node:fs';
import { promisify } from 'node:util';
import {
  asFarAsAllowed,
  hasDefaultAcl,
  hasRights,
  keepAttributes,
  keepDefaultAcl,
  rightsOf,
} from '../../files/attributes.js';
import { baseOf, folderOf } from '../../files/job-paths.js';
import { type ByteName, openData, type Stat, setOwnerAt, setTimesAt, statFd } from '../../linux/index.js';
import type { Compare } from '../trees/compare.js';
import { isGone, MovedOn } from '../trees/failures.js';
import { limits } from '../trees/limits.js';
import { takePermissions } from '../trees/own-mode.js';
import { Lanes, type Trees } from '../trees/trees.js';

const fsyncAsync = promisify(fsync);
export const ATTRIBUTES_DIFFER = 'mode, owner, ACL or times differ';

/** Returns the directory, ready for a change in it. */
export function ready(trees: Trees, path: ByteName): number {
  const fd = trees.dest.directory(path);
  if (trees.touched.has(path)) return fd;
  trees.touched.add(path);
  // Until `finishDirectories`.
  takePermissions(fd);
  return fd;
}

/** Returns the directories that failed. */
export async function finishDirectories(trees: Trees, compare: Compare): Promise<{ path: ByteName; error: unknown }[]> {
  const failed: { path: ByteName; error: unknown }[] = [];
  const lanes = new Lanes(limits.lanes);
  // The deepest first: the mode that is set may forbid even the owner to look into the directory.
  for (const path of [...trees.touched].sort().reverse()) {
    await lanes.add(async () => {
      try {
        await finishOne(trees, path, compare);
      } catch (error) {
        // It was removed meanwhile, because of another event.
        if (!isGone(error)) failed.push({ path, error });
      }
    });
  }
  await lanes.idle();
  trees.touched.clear();
  return failed;
}

async function finishOne(trees: Trees, path: ByteName, compare: Compare): Promise<void> {
  const fd = trees.dest.directory(path);
  // DEST itself keeps its own attributes.
  const source = path === '' ? undefined : trees.inSource(path);
  if (source?.kind === 'directory' && !sameDirectory(trees, path, compare, source)) {
    const from = trees.source.directory(path);
    keepAttributes(fd, from, source);
    keepDefaultAcl(fd, from);
  }
  await fsyncAsync(fd);
}

/** `source`: the stat of the directory in SOURCE. */
export function sameDirectory(trees: Trees, path: ByteName, compare: Compare, source: Stat): boolean {
  const [from, fd] = [trees.source.directory(path), trees.dest.directory(path)];
  const dest = statFd(fd);
  return compare.sameTime(source, dest) && hasRights(fd, dest, rightsOf(from, source)) && hasDefaultAcl(fd, from);
}

/** Opens a file of SOURCE and its copy. `copy`: the stat of the copy. Errors: MovedOn, those of the calls. */
export function withCopy<T>(trees: Trees, path: ByteName, act: (from: number, to: number, copy: Stat) => T): T {
  const from = openData(trees.source.directory(folderOf(path)), baseOf(path));
  try {
    const to = openData(trees.dest.directory(folderOf(path)), baseOf(path));
    try {
      const copy = statFd(to);
      if (copy.kind !== 'file' || statFd(from).kind !== 'file') throw new MovedOn();
      return act(from, to, copy);
    } finally {
      closeSync(to);
    }
  } finally {
    closeSync(from);
  }
}

/** Linux stores no mode for a symlink. */
export function setLinkAttributes(dir: number, name: ByteName, source: Stat): void {
  asFarAsAllowed(() => setOwnerAt(dir, name, source.uid, source.gid));
  asFarAsAllowed(() => setTimesAt(dir, name, source.atimeNs, source.mtimeNs));
}
