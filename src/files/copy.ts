/**
 * Copies an open file to a temporary name, hashing what is written, and makes it durable.
 * Guarantees: when this returns the bytes, mode, times (and owner, where allowed) of the copy are on disk. The digest is of
 * the bytes that were written. Where that is a reflink, of the bytes of the clone, which nobody else can reach.
 * Errors: as the calls give them; `NoRoom` where the copy did not fit, `BelowMark` where it was not begun for what must stay free.
 * Does not: give it its final name; the caller does, without overwriting.
 */
import { closeSync, fchmodSync, fchownSync, ftruncateSync, statfsSync, writeSync } from 'node:fs';
import {
  type ByteName,
  cloneFile,
  fallocateKeepSize,
  LinuxError,
  O,
  openAt,
  type Stat,
  setTimes,
  statAtOrNone,
  unlinkAt,
} from '../linux/index.js';
import { blocking } from './blocking.js';
import { type Digest, digestLarge, digestPaced, digestSmall, SMALL_BYTES } from './digest.js';
import type { Entry } from './directories.js';
import { BelowMark, errnoOf, NoRoom } from './place-error.js';
import type { Throttle } from './rate-limit.js';

/** A large copy is synced in pieces: one sync of all of it may take minutes, in which nobody could tell it from a disk that hangs. */
const SYNC_BYTES = 128 << 20;

export interface CopyBounds {
  pace?: Throttle | undefined;
  /** What stays free of the filesystem that is copied to. */
  keepFree?: number;
}

export async function copyTo(from: number, source: Stat, to: Entry, bounds: CopyBounds = {}): Promise<Digest> {
  removeIfThere(to.dir, to.name);
  const fd = openAt(to.dir, to.name, O.RDWR | O.CREAT | O.EXCL | O.NOFOLLOW, { mode: 0o600, resolve: 'beneath' });
  try {
    const digest = cloneFile(fd, from)
      ? await digestPaced(fd, source.size, bounds.pace)
      : await copyBytes(from, fd, source.size, bounds);
    keepAttributes(fd, source);
    await blocking.fsync(fd);
    return digest;
  } catch (error) {
    const code = errnoOf(error);
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    const { blocks, bsize } = statfsSync(`/proc/self/fd/${fd}`);
    throw new NoRoom(code, source.size, blocks * bsize);
  } finally {
    closeSync(fd);
  }
}

async function copyBytes(from: number, to: number, size: number, { pace, keepFree = 0 }: CopyBounds): Promise<Digest> {
  ftruncateSync(to, 0);
  if (keepFree > 0) takeRoom(to, size, keepFree);
  if (size <= SMALL_BYTES) {
    await pace?.take(size);
    return digestSmall(from, undefined, (bytes) => writeWhole(to, bytes));
  }
  let synced = 0;
  return digestLarge(from, async (chunk, at) => {
    await pace?.take(chunk.length);
    if (at - synced >= SYNC_BYTES) {
      await blocking.fsync(to);
      synced = at;
    }
    for (let done = 0; done < chunk.length; ) {
      done += (await blocking.write(to, chunk, done, chunk.length - done, at + done)).bytesWritten;
    }
  });
}

/** All of it at once, so that others who copy at the same time see it taken. Errors: BelowMark. */
function takeRoom(fd: number, bytes: number, keepFree: number): void {
  const demand = (still: number): void => {
    const { bavail, bsize, blocks } = statfsSync(`/proc/self/fd/${fd}`);
    if (bavail * bsize < still + keepFree) throw new BelowMark(bytes, keepFree, blocks * bsize);
  };
  demand(bytes);
  if (fallocateKeepSize(fd, 0, bytes)) demand(0);
}

function writeWhole(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done);
}

/** Owner first: changing it clears the set-id bits of the mode. Only root may give a file away; others keep it as theirs. */
export function keepAttributes(fd: number, source: Stat): void {
  asFarAsAllowed(() => fchownSync(fd, source.uid, source.gid));
  asFarAsAllowed(() => fchmodSync(fd, source.mode));
  asFarAsAllowed(() => setTimes(fd, source.atimeNs, source.mtimeNs));
}

/** EINVAL: an owner that this user namespace does not know. EPERM, EOPNOTSUPP: a filesystem without modes or owners. */
export function asFarAsAllowed(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!['EPERM', 'EINVAL', 'EOPNOTSUPP'].includes((error as { code?: string }).code ?? '')) throw error;
  }
}

export function removeIfThere(dir: number, name: ByteName): void {
  if (!statAtOrNone(dir, name)) return;
  try {
    unlinkAt(dir, name);
  } catch (error) {
    if (!(error instanceof LinuxError) || error.code !== 'ENOENT') throw error;
  }
}
