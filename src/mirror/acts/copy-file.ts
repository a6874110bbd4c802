/**
 * One file of SOURCE becomes one of DEST: copied under another name, synced, renamed in one step.
 * Guarantees: what gets the name was read between two looks that saw the same inode, size, mtime and ctime, the first of them
 * not in the same tick of the clock as the last change: a reader of DEST meets a whole state that the source had, as far as
 * these can tell (a store through a mapping may show in neither for a while).
 * Does not: sync the directory; its caller does, for all that it did there.
 */
import { closeSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { copyTo, removeIfThere } from '../../files/copy.js';
import { type Digest, digestPaced, SMALL_BYTES } from '../../files/digest.js';
import type { Entry } from '../../files/directories.js';
import { BelowMark, NoRoom } from '../../files/place-error.js';
import { baseOf, folderOf } from '../../files/places.js';
import type { Throttle } from '../../files/rate-limit.js';
import { type ByteName, openData, renameReplacing, type Stat, statAt, statFd } from '../../linux/index.js';
import { CannotMirror, MovedOn } from '../trees/failures.js';
import { limits } from '../trees/limits.js';
import type { Trees } from '../trees/trees.js';

export interface CopyParts {
  /** What the file is called while it is made. */
  temporary: ByteName;
  /** The directory of DEST, ready to take the name. */
  into: () => number;
  /** Something else lies there that no rename replaces. */
  clearWay: () => void;
  pace?: Throttle | undefined;
}

/** A file of SOURCE as it was read, and its copy. */
export interface Pair {
  source: Stat;
  copy: Stat;
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

/** Undefined: it changed meanwhile. */
async function copyOnce(trees: Trees, path: ByteName, parts: CopyParts): Promise<Pair | undefined> {
  const fd = openData(trees.source.directory(folderOf(path)), baseOf(path));
  try {
    const before = await rested(fd);
    const { bytes } = await copyWithRoom(fd, before, { dir: trees.making, name: parts.temporary }, parts.pace);
    if (bytes !== before.size || trees.inSource(path)?.version !== before.version) return undefined;
    const copy = statAt(trees.making, parts.temporary);
    const into = parts.into();
    parts.clearWay();
    renameReplacing(trees.making, parts.temporary, into, baseOf(path));
    return { source: before, copy };
  } finally {
    closeSync(fd);
  }
}

/** The room for a large one is taken first: a disk is not filled by what does not fit on it. Errors: NoRoom. */
async function copyWithRoom(fd: number, stat: Stat, to: Entry, pace: Throttle | undefined): Promise<Digest> {
  try {
    return await copyTo(fd, stat, to, { pace, keepFree: stat.size > SMALL_BYTES ? 1 : 0 });
  } catch (error) {
    throw error instanceof BelowMark ? new NoRoom('ENOSPC', error.bytes, error.capacityBytes) : error;
  }
}

/** Looks at it when a further change would show. A clock that is not ours may be ahead: then one rest has to do. */
async function rested(fd: number): Promise<Stat> {
  const stat = statFd(fd);
  if (stat.kind !== 'file') throw new MovedOn();
  if (isAtRest(stat.ctimeNs)) return stat;
  await delay(Math.min(limits.restMs, limits.restMs - ageMs(stat.ctimeNs)));
  return statFd(fd);
}

/** Whether a change from now on gets another time than this one. */
export const isAtRest = (timeNs: bigint): boolean => ageMs(timeNs) >= limits.restMs;
const ageMs = (timeNs: bigint): number => Date.now() - Number(timeNs / 1_000_000n);

/** Undefined: they have not the same bytes, or the file changed while it was read. Errors: MovedOn, of the calls. */
export async function sameContent(trees: Trees, path: ByteName, pace?: Throttle): Promise<Pair | undefined> {
  const source = openData(trees.source.directory(folderOf(path)), baseOf(path));
  let dest: number | undefined;
  try {
    dest = openData(trees.dest.directory(folderOf(path)), baseOf(path));
    const [before, copy] = [await rested(source), statFd(dest)];
    if (copy.kind !== 'file') throw new MovedOn();
    const [a, b] = [await digestPaced(source, before.size, pace), await digestPaced(dest, before.size, pace)];
    if (statFd(source).version !== before.version) return undefined;
    return a.bytes === b.bytes && a.sha256.equals(b.sha256) ? { source: before, copy } : undefined;
  } finally {
    closeSync(source);
    if (dest !== undefined) closeSync(dest);
  }
}
