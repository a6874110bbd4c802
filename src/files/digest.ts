/**
 * SHA-256 of an open file. Small files are read in one go on the main thread (73,000 files/s, against 24,000 with
 * promises). Large files use two buffers: one is read on the thread pool while the other is hashed (1.5 GB/s).
 */
import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { openData, type Stat, setPosition, statFd } from '../linux/index.js';
import { blocking } from './blocking.js';
import type { Entry } from './directories.js';
import { errnoOf } from './place-error.js';
import type { Throttle } from './rate-limit.js';

/** Files up to this size are read synchronously. */
export const SMALL_BYTES = 1 << 20;
/**
 * Small files beside a large one wait for a chunk at each of their steps: five times as long with 4 MiB, for no gain.
 */
const CHUNK_BYTES = 256 << 10;

export interface Digest {
  sha256: Buffer;
  /** The bytes that were read. A file that grew or shrank meanwhile is detected here. */
  bytes: number;
}

const small = Buffer.allocUnsafe(SMALL_BYTES + 1);

/**
 * For a file of at most SMALL_BYTES. A file that is longer by now is read only up to there, which shows in `bytes`.
 * `size`: the size of a stat before; the caller checks it with a stat after, so the read that would find the end is not
 * needed.
 */
export function digestSmall(fd: number, size?: number, onBytes?: (bytes: Buffer) => void): Digest {
  let bytes = 0;
  while (bytes !== size && bytes !== small.length) {
    const n = readSync(fd, small, bytes, (size ?? small.length) - bytes, bytes);
    if (n === 0) break;
    bytes += n;
  }
  const whole = small.subarray(0, bytes);
  onBytes?.(whole);
  return { sha256: createHash('sha256').update(whole).digest(), bytes };
}

/** Digests a whole file of any size, within the rate limit, where there is one. */
export async function digestWhole(fd: number, size: number, throttle?: Throttle): Promise<Digest> {
  if (size > SMALL_BYTES) return digestLarge(fd, throttle && ((chunk) => throttle.take(chunk.length)));
  await throttle?.take(size);
  return digestSmall(fd);
}

type Version = Pick<Stat, 'size' | 'version'>;

/** The SHA-256 of an open file; undefined where it is not of this version before or after it is read. */
export async function digestUnchanged(
  fd: number,
  { size, version }: Version,
  throttle?: Throttle,
): Promise<Buffer | undefined> {
  if (statFd(fd).version !== version) return undefined;
  const { sha256, bytes } = await digestWhole(fd, size, throttle);
  return bytes === size && statFd(fd).version === version ? sha256 : undefined;
}

/** The same for the file at an entry; undefined also where it cannot be read, as in a bad sector. */
export async function digestAt(entry: Entry, stat: Version, throttle?: Throttle): Promise<Buffer | undefined> {
  let fd: number | undefined;
  try {
    fd = openData(entry.dir, entry.name);
    return await digestUnchanged(fd, stat, throttle);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/**
 * For a file of any size. The descriptor's position shows the progress to readers of /proc
 * (src/ingest/health/read-so-far.ts). `onChunk` gets each chunk in order, before the next one is hashed: for
 * copying while hashing.
 */
export async function digestLarge(fd: number, onChunk?: (chunk: Buffer, at: number) => Promise<void>): Promise<Digest> {
  const hash = createHash('sha256');
  const buffers = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)] as const;
  let at = 0;
  let next = blocking.read(fd, buffers[0], CHUNK_BYTES, 0);
  for (let i = 0; ; i ^= 1) {
    const { bytesRead } = await next;
    if (bytesRead === 0) return { sha256: hash.digest(), bytes: at };
    const chunk = buffers[i as 0 | 1].subarray(0, bytesRead);
    next = blocking.read(fd, buffers[(i ^ 1) as 0 | 1], CHUNK_BYTES, at + bytesRead);
    // Awaited below in any case. An error of ours must not leave it unobserved.
    next.catch(() => {});
    hash.update(chunk);
    if (onChunk) await onChunk(chunk, at);
    at += bytesRead;
    setPosition(fd, at);
  }
}
