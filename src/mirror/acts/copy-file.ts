/**
 * Copies one file of SOURCE to DEST: under a temporary name, synced, then renamed in one step.
 * Guarantees: inode, size, mtime and ctime of the source were equal before and after it was read. The first stat was
 * not in the same clock tick as the last change. So a reader of DEST sees a complete state that the source had, as far
 * as these four values can show. (A store through a mapping may appear in none of them for a while.)
 * Does not: sync the directory. The caller does, for everything that it did there.
 */
import { closeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { copyTo, removeIfThere } from '../../files/copy.js';
import { type Digest, digestWhole, SMALL_BYTES } from '../../files/digest.js';
import type { Entry } from '../../files/directories.js';
import { baseOf, folderOf } from '../../files/job-paths.js';
import { BelowMark, NoRoom } from '../../files/place-error.js';
import type { Throttle } from '../../files/rate-limit.js';
import { type ByteName, openData, renameReplacing, type Stat, statAt, statFd } from '../../linux/index.js';
import { CannotMirror, MovedOn } from '../trees/failures.js';
import { limits } from '../trees/limits.js';
import type { Trees } from '../trees/trees.js';

export interface CopyParts {
  /** The temporary name of the file. */
  temporary: ByteName;
  /** Returns the directory of DEST, ready for the rename. */
  into: () => number;
  /** Removes an entry that a rename cannot replace. */
  clearWay: () => void;
  throttle?: Throttle | undefined;
}

/** The stat of a file in SOURCE as it was read, and of its copy. */
export interface Pair {
  source: Stat;
  copy: Stat;
  /** When the source began to be read. */
  readMs: number;
}

/** Errors: MovedOn, CannotMirror `changing`, those of the calls. */
export async function mirrorFile(trees: Trees, path: ByteName, parts: CopyParts): Promise<Pair> {
  try {
    for (let tries: number = limits.copyTries; ; tries--) {
      const copied = await copyOnce(trees, path, parts);
      if (copied) return copied;
      if (tries === 1) throw new CannotMirror('changing', 'it changes while it is copied');
    }
  } catch (error) {
    removeIfThere(trees.making, parts.temporary);
    throw error;
  }
}

/** Undefined: the file changed meanwhile. */
async function copyOnce(trees: Trees, path: ByteName, parts: CopyParts): Promise<Pair | undefined> {
  const fd = openData(trees.source.directory(folderOf(path)), baseOf(path));
  try {
    const before = await rested(fd);
    const readMs = Date.now();
    if (before === undefined) return undefined;
    const { bytes } = await copyWithRoom(fd, before, { dir: trees.making, name: parts.temporary }, parts.throttle);
    if (bytes !== before.size || trees.inSource(path)?.version !== before.version) return undefined;
    const copy = statAt(trees.making, parts.temporary);
    const into = parts.into();
    parts.clearWay();
    renameReplacing(trees.making, parts.temporary, into, baseOf(path));
    return { source: before, copy, readMs };
  } finally {
    closeSync(fd);
  }
}

/** Reserves the space for a large file first, so that a file that does not fit never fills the disk. Errors: NoRoom. */
async function copyWithRoom(fd: number, stat: Stat, to: Entry, throttle: Throttle | undefined): Promise<Digest> {
  try {
    return await copyTo(fd, stat, to, { throttle, keepFree: stat.size > SMALL_BYTES ? 1 : 0 });
  } catch (error) {
    throw error instanceof BelowMark ? new NoRoom('ENOSPC', error.bytes, error.capacityBytes) : error;
  }
}

/**
 * Returns a stat that any further change would alter. If the clock of the source is ahead of ours, one rest must be
 * enough. Undefined: the file changed meanwhile.
 */
async function rested(fd: number): Promise<Stat | undefined> {
  const stat = statFd(fd);
  if (stat.kind !== 'file') throw new MovedOn();
  if (isAtRest(stat.ctimeNs)) return stat;
  await delay(Math.min(limits.restMs, limits.restMs - ageMs(stat.ctimeNs)));
  const now = statFd(fd);
  return now.version === stat.version ? now : undefined;
}

/** True if a change from now on gets another time than this one. */
export const isAtRest = (timeNs: bigint): boolean => ageMs(timeNs) >= limits.restMs;
const ageMs = (timeNs: bigint): number => Date.now() - Number(timeNs / 1_000_000n);

/** Undefined: the bytes differ, or the file changed before or while it was read. Errors: MovedOn, those of the calls. */
export async function sameContent(trees: Trees, path: ByteName, throttle?: Throttle): Promise<Pair | undefined> {
  const source = openData(trees.source.directory(folderOf(path)), baseOf(path));
  let dest: number | undefined;
  try {
    dest = openData(trees.dest.directory(folderOf(path)), baseOf(path));
    const [before, copy, readMs] = [await rested(source), statFd(dest), Date.now()];
    if (before === undefined) return undefined;
    if (copy.kind !== 'file') throw new MovedOn();
    const [a, b] = [await digestWhole(source, before.size, throttle), await digestWhole(dest, before.size, throttle)];
    if (statFd(source).version !== before.version) return undefined;
    return a.bytes === b.bytes && a.sha256.equals(b.sha256) ? { source: before, copy, readMs } : undefined;
  } finally {
    closeSync(source);
    if (dest !== undefined) closeSync(dest);
  }
}
