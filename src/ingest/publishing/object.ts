/**
 * Brings one file into a bucket: a small one with one request, a large one in parts.
 * Guarantees: doing it twice is doing it once: an object is written only where none has the key, and one that is there counts only if
 * its metadata say that it is this file of this content. A large object is completed only if all its bytes have the ledger's hash.
 * Does not: repeat a request. After an answer that leaves a doubt the store is asked what it has.
 */
import { createHash } from 'node:crypto';
import { read as readFd } from 'node:fs';
import { promisify } from 'node:util';
import { type BucketClient, bodyOf, type Found, type Written } from '../../bucket/client.js';
import { BucketError } from '../../bucket/errors.js';
import type { Throttle } from '../../files/rate-limit.js';

const read = promisify(readFd);

/** Larger files are sent in parts. */
export const SMALL_BYTES = 64 << 20;
const PARTS_MAX = 10_000;

export interface ToPublish {
  key: string;
  ingestId: string;
  sha256: Buffer;
  size: number;
  /** Begun by an earlier try. */
  upload: string | null;
}

export interface Publishing {
  bucket: BucketClient;
  throttle: Throttle | undefined;
  /** Records the id of an upload before its first part is sent; null: it is over. */
  noteUpload: (id: string | null) => Promise<void>;
}

/**
 * `there`: the object is in the bucket. `taken`: another object has the key. `changed`: the file has other bytes than the ledger
 * says. `nothing`: there is no object after a doubt, so it is tried again.
 */
export type Came =
  | { kind: 'there'; object: Written }
  | { kind: 'taken' | 'changed' }
  | { kind: 'nothing'; why: string };

/** `fd`: the open file. Errors: BucketError. */
export async function publishFile(fd: number, file: ToPublish, publishing: Publishing): Promise<Came> {
  let { upload } = file;
  const noteUpload = (id: string | null): Promise<void> => {
    upload = id;
    return publishing.noteUpload(id);
  };
  try {
    return file.size <= SMALL_BYTES
      ? await whole(fd, file, publishing)
      : await inParts(fd, file, { ...publishing, noteUpload });
  } catch (error) {
    if (!(error instanceof BucketError)) throw error;
    if (error.kind === 'changed') return { kind: 'changed' };
    const isUploadOver = error.kind === 'missing' && upload !== null;
    if (error.kind !== 'doubt' && !isUploadOver) throw error;
    const came = await whatIsThere(file, publishing.bucket).catch((other: unknown) => {
      // The answer to a HEAD has no body, so it says less than the first one.
      throw error.kind === 'doubt' && other instanceof BucketError && other.kind === 'doubt' ? error : other;
    });
    // The object came by another request, so nobody goes on with this upload.
    if (came.kind === 'there' && upload !== null) await publishing.bucket.abort(file.key, upload);
    if (came.kind !== 'nothing') return came;
    // After a conflict the upload has to be begun again, says the documentation of S3.
    if (isUploadOver || error.code === 'ConditionalRequestConflict') await noteUpload(null);
    return { kind: 'nothing', why: error.message };
  }
}

/** The metadata by which an object is known again. */
const metadataOf = ({ ingestId, sha256 }: ToPublish) => ({ 'ingest-id': ingestId, sha256: sha256.toString('hex') });

export const isOurs = ({ size, metadata }: Found, file: Pick<ToPublish, 'ingestId' | 'sha256' | 'size'>): boolean =>
  size === file.size && metadata['ingest-id'] === file.ingestId && metadata.sha256 === file.sha256.toString('hex');

async function whatIsThere(file: ToPublish, bucket: BucketClient): Promise<Came> {
  const object = await bucket.head(file.key);
  if (!object) return { kind: 'nothing', why: `${file.key} is not there` };
  return isOurs(object, file) ? { kind: 'there', object } : { kind: 'taken' };
}

async function whole(fd: number, file: ToPublish, { bucket, throttle }: Publishing): Promise<Came> {
  await throttle?.take(file.size);
  const bytes = await readAt(fd, 0, Buffer.allocUnsafe(file.size));
  if (bytes.length !== file.size) return { kind: 'changed' };
  // The store compares: the bytes are not hashed here once more.
  const object = await bucket.put(file.key, { bytes, sha256: file.sha256 }, metadataOf(file));
  return object ? { kind: 'there', object } : whatIsThere(file, bucket);
}

async function inParts(fd: number, file: ToPublish, { bucket, throttle, noteUpload }: Publishing): Promise<Came> {
  let { upload } = file;
  if (upload === null) {
    // A PUT finds out by its condition; here it would be known after the last byte.
    const came = await whatIsThere(file, bucket);
    if (came.kind !== 'nothing') return came;
    upload = await bucket.begin(file.key, metadataOf(file));
    await noteUpload(upload);
  }
  const sent = new Map((await bucket.parts(file.key, upload)).map(({ n, etag }) => [n, etag]));
  // The size of the file alone decides: two tries have the same parts.
  const partBytes = Math.max(SMALL_BYTES, Math.ceil(file.size / PARTS_MAX));
  const digest = createHash('sha256');
  // One for all parts: freed one by one they would pile up until the next collection.
  const buffer = Buffer.allocUnsafe(partBytes);
  for (let at = 0, n = 1; at < file.size; at += partBytes, n++) {
    const length = Math.min(partBytes, file.size - at);
    await throttle?.take(length);
    const bytes = await readAt(fd, at, buffer.subarray(0, length));
    digest.update(bytes);
    if (bytes.length !== length) break;
    // The ETag of a part is the MD5 of its bytes. A store that has it otherwise gets the part again.
    const isSent = sent.has(n) && sent.get(n) === createHash('md5').update(bytes).digest('hex');
    if (!isSent) sent.set(n, await bucket.putPart(file.key, upload, n, bodyOf(bytes)));
  }
  const isWhole = digest.digest().equals(file.sha256);
  // The parts are those that were compared or sent just now. A late request may have put another one in their place.
  const parts = [...sent].map(([n, etag]) => ({ n, etag })).sort((a, b) => a.n - b.n);
  if (isWhole && (await bucket.complete(file.key, upload, parts))) return whatIsThere(file, bucket);
  await bucket.abort(file.key, upload);
  await noteUpload(null);
  return isWhole ? whatIsThere(file, bucket) : { kind: 'changed' };
}

/** Fills `into`; returns less where the file ends before. */
async function readAt(fd: number, at: number, into: Buffer): Promise<Buffer> {
  let done = 0;
  while (done < into.length) {
    const { bytesRead } = await read(fd, into, done, into.length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return into.subarray(0, done);
}
