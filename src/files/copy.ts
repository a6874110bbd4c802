/**
 * Copies an open file to a temporary name, hashes the written bytes, and makes the copy durable.
 * Guarantees: on return, the bytes and attributes (attributes.ts) of the copy are on disk. The digest is of the bytes
 * that were written. For a reflink it is of the clone's bytes, which nobody else can reach. Holes stay holes.
 * Errors: those of the calls; `NoRoom` if the copy did not fit; `BelowMark` if it was not started because of the space
 * that must stay free.
 * Does not: give the copy its final name. The caller does, without overwriting.
 */
import { closeSync, ftruncateSync, statfsSync, writeSync } from 'node:fs';
import {
  type ByteName,
  cloneFile,
  dataAfter,
  fallocateKeepSize,
  O,
  openAt,
  type Range,
  type Stat,
  statAtOrNone,
  unlinkAt,
} from '../linux/index.js';
import { keepAttributes } from './attributes.js';
import { blocking } from './blocking.js';
import { type Digest, digestLarge, digestSmall, digestWhole, SMALL_BYTES } from './digest.js';
import type { Entry } from './directories.js';
import { BelowMark, errnoOf, NoRoom, unlessMissing } from './place-error.js';
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
      ? await digestWhole(fd, source.size, bounds.throttle)
      : await copyBytes(from, fd, source.size, bounds);
    keepAttributes(fd, from, source);
    await blocking.fsync(fd);
    return digest;
  } catch (error) {
    const code = errnoOf(error);
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw error;
    const { blocks, bsize } = statfsSync(`/proc/self/fd/${fd}`);
    throw new NoRoom(code, bytesIn(dataOf(from, source.size)), blocks * bsize);
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
  if (keepFree > 0) takeRoom(from, to, size, keepFree);
  const data = new Data(from);
  let digest: Digest;
  if (size <= SMALL_BYTES) {
    await throttle?.take(size);
    digest = digestSmall(from, undefined, (bytes) => {
      for (const [part, at] of data.partsOf(bytes, 0)) writeWhole(to, part, at);
    });
  } else {
    let synced = 0;
    digest = await digestLarge(from, async (chunk, at) => {
      await throttle?.take(chunk.length);
      if (at - synced >= SYNC_BYTES) {
        await blocking.fsync(to);
        synced = at;
      }
      for (const [part, partAt] of data.partsOf(chunk, at)) {
        for (let done = 0; done < part.length; )
          done += (await blocking.write(to, part, done, part.length - done, partAt + done)).bytesWritten;
      }
    });
  }
  // The file may end with a hole.
  ftruncateSync(to, digest.bytes);
  return digest;
}

/** The data of a file between its holes. Reading goes forward. */
class Data {
  #next: Range = { from: 0, to: 0 };

  constructor(private readonly fd: number) {}

  /** The parts to write of the bytes that were read at `at`, each with its position. */
  *partsOf(bytes: Buffer, at: number): Generator<[part: Buffer, at: number]> {
    const end = at + bytes.length;
    for (let next = at; next < end; ) {
      if (next >= this.#next.to) this.#next = dataAfter(this.fd, next) ?? NO_MORE;
      const from = Math.min(Math.max(this.#next.from, next), end);
      const hole = bytes.subarray(next - at, from - at);
      // A hole may be filled after it was read or before. The bytes that are hashed are the bytes that are written.
      if (!isZero(hole)) yield [hole, next];
      const to = Math.max(from, Math.min(this.#next.to, end));
      if (from < to) yield [bytes.subarray(from - at, to - at), from];
      next = to;
    }
  }
}

const NO_MORE: Range = { from: Number.POSITIVE_INFINITY, to: Number.POSITIVE_INFINITY };
const isZero = (bytes: Buffer): boolean =>
  bytes.length === 0 || (bytes[0] === 0 && bytes.subarray(1).equals(bytes.subarray(0, -1)));

function dataOf(fd: number, size: number): Range[] {
  const ranges: Range[] = [];
  for (let at = 0; at < size; ) {
    const data = dataAfter(fd, at);
    if (data === undefined) break;
    at = Math.min(data.to, size);
    ranges.push({ from: data.from, to: at });
  }
  return ranges;
}

const bytesIn = (ranges: readonly Range[]): number => ranges.reduce((sum, { from, to }) => sum + to - from, 0);

/**
 * Reserves the space of all data at once, so that other copies running at the same time see it as taken. Errors:
 * BelowMark.
 */
function takeRoom(from: number, to: number, size: number, keepFree: number): void {
  const data = dataOf(from, size);
  const bytes = bytesIn(data);
  const demand = (still: number): void => {
    const { bavail, bsize, blocks } = statfsSync(`/proc/self/fd/${to}`);
    if (bavail * bsize < still + keepFree) throw new BelowMark(bytes, keepFree, blocks * bsize);
  };
  demand(bytes);
  if (data.every((part) => fallocateKeepSize(to, part.from, part.to - part.from))) demand(0);
}

function writeWhole(fd: number, bytes: Buffer, at: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done);
}

export function removeIfThere(dir: number, name: ByteName): void {
  if (statAtOrNone(dir, name)) unlessMissing(() => unlinkAt(dir, name));
}
