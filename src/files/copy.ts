/**
 * Copies an open file to a temporary name, hashes the written bytes, and makes the copy durable.
 * Guarantees: on return, the bytes, mode, times (and owner, if permitted) of the copy are on disk. The digest is of the
 * bytes that were written. For a reflink it is of the clone's bytes, which nobody else can reach.
 * Errors: those of the calls; `NoRoom` if the copy did not fit; `BelowMark` if it was not started because of the space
 * that must stay free.
 * Does not: give the copy its final name. The caller does, without overwriting.
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
import { type Digest, digestLarge, digestSmall, digestThrottled, SMALL_BYTES } from './digest.js';
import type { Entry } from './directories.js';
import { BelowMark, errnoOf, NoRoom } from './place-error.js';
import type { Throttle } from './rate-limit.js';

/**
 * A large copy is synced in pieces: one sync of all of it may take minutes, and would then look like a disk that hangs.
 */
const SYNC_BYTES = 128 << 20;

export interface CopyBounds {
  throttle?: Throttle | undefined;
  /** Bytes that must stay free on the destination's filesystem. */
  keepFree?: number;
}

export async function copyTo(from: number, source: Stat, to: Entry, bounds: CopyBounds = {}): Promise<Digest> {
  removeIfThere(to.dir, to.name);
  const fd = openAt(to.dir, to.name, O.RDWR | O.CREAT | O.EXCL | O.NOFOLLOW, { mode: 0o600, resolve: 'beneath' });
  try {
    const digest = cloneFile(fd, from)
      ? await digestThrottled(fd, source.size, bounds.throttle)
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

async function copyBytes(
  from: number,
  to: number,
  size: number,
  { throttle, keepFree = 0 }: CopyBounds,
): Promise<Digest> {
  ftruncateSync(to, 0);
  if (keepFree > 0) takeRoom(to, size, keepFree);
  if (size <= SMALL_BYTES) {
    await throttle?.take(size);
    return digestSmall(from, undefined, (bytes) => writeWhole(to, bytes));
  }
  let synced = 0;
  return digestLarge(from, async (chunk, at) => {
    await throttle?.take(chunk.length);
    if (at - synced >= SYNC_BYTES) {
      await blocking.fsync(to);
      synced = at;
    }
    for (let done = 0; done < chunk.length; ) {
      done += (await blocking.write(to, chunk, done, chunk.length - done, at + done)).bytesWritten;
    }
  });
}

/**
 * Reserves all of the space at once, so that other copies running at the same time see it as taken. Errors: BelowMark.
 */
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

/**
 * Sets the owner first, because changing it clears the set-id bits of the mode. Only root may give a file away; for
 * other users the file stays theirs.
 */
export function keepAttributes(fd: number, source: Stat): void {
  asFarAsAllowed(() => fchownSync(fd, source.uid, source.gid));
  asFarAsAllowed(() => fchmodSync(fd, source.mode));
  asFarAsAllowed(() => setTimes(fd, source.atimeNs, source.mtimeNs));
}

/** EINVAL: this user namespace does not know the owner. EPERM, EOPNOTSUPP: the filesystem has no modes or owners. */
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
