/**
 * A filter of the old hashes (`hashes_old`, `pruned`): it answers for nearly every new content that its hash is not among them.
 * This saves reading one page of each table. With 20 million contents such a page comes from the disk (110 µs, half the cost of a
 * small file).
 * There is one bucket for each value of the first 14 bits (2^14 buckets), which is one step of hashes.ts. A bucket stores the next
 * 16 bits of each hash, sorted, as differences (usually one byte each). With 20 million hashes the filter has 22 MB, and one new
 * hash in fifty is looked up in vain.
 * Guarantees: a hash that is not in its bucket is in neither table. A missing bucket answers nothing.
 * Does not: forget. The 16 bits of a hash that was removed stay.
 */
import type { Reader, Tx } from '../../../queue/backend.js';

export const BUCKET_BITS = 14;
const BITS = 16;
const MORE = 0x80;
/** The longest difference, in bytes. */
const BYTES_MAX = Math.ceil(BITS / 7);

export const filterModule = {
  name: 'hash-filter',
  migrations: [
    `
    CREATE TABLE hash_filter (bucket INTEGER PRIMARY KEY, rests BLOB NOT NULL) STRICT;
    -- In a new state nothing is old. In a state from before the filter, a bucket is made with its first old hash.
    WITH RECURSIVE all_buckets (bucket) AS (SELECT 0 UNION ALL SELECT bucket + 1 FROM all_buckets WHERE bucket < ${2 ** BUCKET_BITS - 1})
    INSERT INTO hash_filter SELECT bucket, x'' FROM all_buckets
      WHERE NOT EXISTS (SELECT 1 FROM hashes_old) AND NOT EXISTS (SELECT 1 FROM pruned);
    `,
  ],
} as const;

const bucketOf = (sha256: Buffer): number => sha256.readUInt16BE(0) >> (16 - BUCKET_BITS);
const restOf = (sha256: Buffer): number => (sha256.readUInt32BE(0) << BUCKET_BITS) >>> (32 - BITS);

// Nearly all buckets are empty for a long time. An empty Buffer costs three times the rest of the question.
const BUCKET = "SELECT nullif(rests, x'') FROM hash_filter WHERE bucket = ?";
const EMPTY = Buffer.alloc(0);
/** Undefined where the bucket is missing. */
const read = (reader: Pick<Reader, 'arrays'>, bucket: number): Buffer | undefined =>
  (reader.arrays(BUCKET, bucket) as [Buffer | null][]).map(([rests]) => rests ?? EMPTY)[0];

/** False: the hash is neither in `hashes_old` nor in `pruned`. */
export function mayBeOld(reader: Pick<Reader, 'arrays'>, sha256: Buffer): boolean {
  const rests = read(reader, bucketOf(sha256));
  return rests === undefined || contains(rests, restOf(sha256));
}

const OLD = `SELECT head FROM hashes_old WHERE head BETWEEN ? AND ?
  UNION ALL SELECT substr(sha256, 1, 6) FROM pruned WHERE sha256 BETWEEN ? AND ?`;

type Writer = Pick<Tx, 'arrays' | 'run'>;

/** Adds heads that came into `hashes_old`: all of one bucket, whose first and last possible heads are `from` and `to`. */
export function noteBucket(tx: Writer, heads: readonly Buffer[], from: Buffer, to: Buffer): void {
  const rests = read(tx, bucketOf(from));
  if (rests && heads.length === 0) return;
  // A new bucket also gets all hashes that came before there was a filter.
  const all = rests ? heads : (tx.arrays(OLD, from, to, from, Buffer.concat([to, AFTER])) as [Buffer][]).flat();
  write(tx, bucketOf(from), rests, all);
}

/** Greater than the rest of any hash. */
const AFTER = Buffer.alloc(26, 0xff);

/** Adds hashes that came into `pruned` and never were in `hashes_old`. A missing bucket will include them when it is made. */
export function noteOld(tx: Writer, hashes: readonly Buffer[]): void {
  const buckets = new Map<number, Buffer[]>();
  for (const hash of hashes) buckets.set(bucketOf(hash), [...(buckets.get(bucketOf(hash)) ?? []), hash]);
  for (const [bucket, some] of buckets) {
    const rests = read(tx, bucket);
    if (rests) write(tx, bucket, rests, some);
  }
}

const PUT = 'INSERT INTO hash_filter VALUES (?, ?) ON CONFLICT DO UPDATE SET rests = excluded.rests';

function write(tx: Writer, bucket: number, rests: Buffer | undefined, hashes: readonly Buffer[]): void {
  const before = rests ? valuesOf(rests) : [];
  const values = new Uint16Array(before.length + hashes.length);
  values.set(before);
  values.set(hashes.map(restOf), before.length);
  tx.run(PUT, bucket, encoded(values.sort()));
}

/** Differences between neighbours, less one, in groups of seven bits, lowest first. `values` is sorted; equal values count once. */
export function encoded(values: Uint16Array): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * BYTES_MAX);
  let length = 0;
  let before = -1;
  for (const value of values) {
    if (value === before) continue;
    let distance = value - before - 1;
    for (; distance >= MORE; distance >>>= 7) bytes[length++] = (distance & (MORE - 1)) | MORE;
    bytes[length++] = distance;
    before = value;
  }
  return bytes.subarray(0, length);
}

export function valuesOf(rests: Buffer): Uint16Array {
  const values = new Uint16Array(rests.length);
  let count = 0;
  let value = -1;
  let [distance, shift] = [0, 0];
  for (const byte of rests) {
    distance |= (byte & (MORE - 1)) << shift;
    shift += 7;
    if (byte >= MORE) continue;
    value += distance + 1;
    values[count++] = value;
    [distance, shift] = [0, 0];
  }
  return values.subarray(0, count);
}

/** The same as `valuesOf(rests).includes(wanted)`, without the array: each new content asks this. */
export function contains(rests: Buffer, wanted: number): boolean {
  let value = -1;
  let distance = 0;
  let shift = 0;
  for (let at = 0; at < rests.length; at++) {
    const byte = rests[at]!;
    distance |= (byte & (MORE - 1)) << shift;
    shift += 7;
    if (byte >= MORE) continue;
    value += distance + 1;
    if (value >= wanted) return value === wanted;
    distance = 0;
    shift = 0;
  }
  return false;
}
