/**
 * Brings one file into a bucket: a small one with one request, a large one in parts.
 * Guarantees: doing it twice is doing it once: an object is written only where none has the key, and one that is there counts only if
 * its metadata say that it is this file of this content. A large object is completed only if all its bytes have the ledger's hash.
 * Does not: repeat a request. After an answer that leaves a doubt the store is asked what it has.
 */
import { createHash } from 'node:crypto';
import { read as readFd } from 'node:fs';
import { promisify } from 'node:util';
import { type BucketClient, bodyOf, type Found } from '../../bucket/client.js';
import { BucketError } from '../../bucket/errors.js';
import type { Throttle } from '../../files/rate-limit.js';
import type { Content } from '../ledger/content.js';
import type { Publication } from '../ledger/publications.js';

const read = promisify(readFd);

/** Larger files are sent in parts. A body is in memory while it is sent. */
export const SMALL_BYTES = 64 << 20;
const PARTS_MAX = 10_000;

/** `upload`: begun by an earlier try, or by this one. */
export interface ToPublish extends Pick<Publication, 'key' | 'sha256' | 'size' | 'upload'> {
  /** Open. */
  fd: number;
  ingestId: string;
  bucket: BucketClient;
  throttle: Throttle | undefined;
  /** Records the id of an upload before its first part is sent; null: it is over. */
  noteUpload: (id: string | null) => Promise<void>;
}

/**
 * `there`: the object is in the bucket. `taken`: another object has the key. `changed`: the file has other bytes than the ledger
 * says. `nothing`: there is no object after this doubt, so it is tried again.
 */
export type Came =
  | { kind: 'there'; etag: string }
  | { kind: 'taken' | 'changed' }
  | { kind: 'nothing'; error: BucketError };

/** Errors: BucketError. */
export async function publishFile(file: ToPublish): Promise<Came> {
  const { key, size, bucket } = file;
  try {
    return await (size <= SMALL_BYTES ? whole(file) : inParts(file));
  } catch (error) {
    if (!(error instanceof BucketError)) throw error;
    if (error.kind === 'changed') return { kind: 'changed' };
    const isUploadOver = error.kind === 'missing' && file.upload !== null;
    if (error.kind !== 'doubt' && !isUploadOver) throw error;
    const came = await whatIsThere(file).catch((other: unknown) => {
      // The answer to a HEAD has no body, so it says less than the first one.
      throw error.kind === 'doubt' && other instanceof BucketError && other.kind === 'doubt' ? error : other;
    });
    // The object came by another request, so nobody goes on with this upload.
    if (came.kind === 'there' && file.upload !== null) await bucket.abort(key, file.upload);
    if (came.kind !== 'nothing') return came;
    // After a conflict the upload has to be begun again, says the documentation of S3.
    if (isUploadOver || error.code === 'ConditionalRequestConflict') await noteUpload(file, null);
    return { kind: 'nothing', error };
  }
}

function noteUpload(file: ToPublish, id: string | null): Promise<void> {
  file.upload = id;
  return file.noteUpload(id);
}

/** The metadata by which an object is known again. */
const metadataOf = ({ ingestId, sha256 }: ToPublish) => ({ 'ingest-id': ingestId, sha256: sha256.toString('hex') });

export const isOurs = ({ size, metadata }: Found, file: Pick<ToPublish, 'ingestId' | 'sha256' | 'size'>): boolean =>
  size === file.size && metadata['ingest-id'] === file.ingestId && metadata.sha256 === file.sha256.toString('hex');

/** The object of a file of a content; undefined where its key has none, or another one. Errors: BucketError. */
export async function ownObject(
  bucket: BucketClient,
  { ingestId }: Pick<Content, 'ingestId'>,
  file: Pick<Publication, 'key' | 'sha256' | 'size'>,
): Promise<Found | undefined> {
  const there = await bucket.head(file.key);
  return there && isOurs(there, { ...file, ingestId: ingestId! }) ? there : undefined;
}

async function whatIsThere(file: ToPublish): Promise<Came> {
  const object = await file.bucket.head(file.key);
  if (!object)
    return { kind: 'nothing', error: file.bucket.error('doubt', 'no_answer', `${file.key} is not there yet`) };
  return isOurs(object, file) ? { kind: 'there', etag: object.etag } : { kind: 'taken' };
}

async function whole(file: ToPublish): Promise<Came> {
  const { fd, key, sha256, size, bucket, throttle } = file;
  await throttle?.take(size);
  const bytes = await readAt(fd, 0, Buffer.allocUnsafe(size));
  if (bytes.length !== size) return { kind: 'changed' };
  // The store compares: the bytes are not hashed here once more.
  const object = await bucket.put(key, { bytes, sha256 }, metadataOf(file));
  return object ? { kind: 'there', etag: object.etag } : whatIsThere(file);
}

async function inParts(file: ToPublish): Promise<Came> {
  const { fd, key, size, bucket, throttle } = file;
  if (file.upload === null) {
    // A PUT finds out by its condition; here it would be known after the last byte.
    const came = await whatIsThere(file);
    if (came.kind !== 'nothing') return came;
    await noteUpload(file, await bucket.begin(key, metadataOf(file)));
  }
  const upload = file.upload!;
  const sent = await bucket.parts(key, upload);
  // The size of the file alone decides: two tries have the same parts.
  const partBytes = Math.max(SMALL_BYTES, Math.ceil(size / PARTS_MAX));
  const digest = createHash('sha256');
  // One for all parts: freed one by one they would pile up until the next collection.
  const buffer = Buffer.allocUnsafe(partBytes);
  for (let at = 0, n = 1; at < size; at += partBytes, n++) {
    const length = Math.min(partBytes, size - at);
    await throttle?.take(length);
    const bytes = await readAt(fd, at, buffer.subarray(0, length));
    digest.update(bytes);
    if (bytes.length !== length) break;
    // The ETag of a part is the MD5 of its bytes. A store that has it otherwise gets the part again.
    const isSent = sent.has(n) && sent.get(n) === createHash('md5').update(bytes).digest('hex');
    if (!isSent) sent.set(n, await bucket.putPart(key, upload, n, bodyOf(bytes)));
  }
  const isWhole = digest.digest().equals(file.sha256);
  // The parts are those that were compared or sent just now. A late request may have put another one in their place.
  if (isWhole && (await bucket.complete(key, upload, sent))) return whatIsThere(file);
  await bucket.abort(key, upload);
  await noteUpload(file, null);
  return isWhole ? whatIsThere(file) : { kind: 'changed' };
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
