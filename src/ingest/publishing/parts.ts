/**
 * Parts: the lines of published contents, and their corrections, as objects that never change, numbered from 0 without a gap.
 *
 *   open ──(ten seconds, or full)──> closed ──> in the bucket, at the next free number: its rows are removed
 *
 * Guarantees: a line joins one part, in the transaction that records its objects. A number is tried only when all smaller ones are
 * known to be in the bucket, so one part at most is on its way, and a request that arrives late finds its number taken. A part that
 * lies at a number and is not ours is read: what is in the bucket counts, and our part takes the next number without these lines.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import { msOfUlid, ulidFactory } from '../../../queue/index.js';
import { bodyOf } from '../../bucket/client.js';
import { BucketError } from '../../bucket/errors.js';
import { partKey } from '../../bucket/keys.js';
import { bucketRow, NOT_PUBLISHED, partToken } from '../ledger/publications.js';
import type { FeedBucket } from './feed-bucket.js';
import { enterLine } from './read-part.js';

/** An open part is closed after this time, or with so many lines. */
const OPEN_MS = 10_000;
const LINES_MAX = 1_000;

const newId = ulidFactory(Date.now);

/** Returns the id of the part. */
export function joinPart(tx: Tx, feed: string, content: number, line: string, isCorrection: boolean): string {
  const open = tx.get<{ id: string }>('SELECT id FROM parts WHERE feed = ? AND is_closed = 0', feed);
  const id = open?.id ?? newId();
  if (!open) tx.run('INSERT INTO parts (id, feed) VALUES (?, ?)', id, feed);
  tx.run(
    'INSERT INTO part_lines (part, content, is_correction, line) VALUES (?, ?, ?, ?)',
    ...[id, content, isCorrection ? 1 : 0, line],
  );
  const column = isCorrection ? 'correction' : 'part';
  tx.run(`UPDATE publications SET ${column} = ? WHERE content = ? AND n = 0`, id, content);
  return id;
}

export const isInBucket = (reader: Reader, part: string): boolean =>
  part !== NOT_PUBLISHED && reader.get('SELECT 1 FROM parts WHERE id = ?', part) === undefined;

/** Puts what is due, the oldest part first. `isHurried`: nothing more is expected. Errors: BucketError. */
export async function putParts(of: FeedBucket, isHurried: boolean): Promise<void> {
  const { backend, feed } = of;
  for (;;) {
    const oldest = backend.read((reader) => oldestPart(reader, feed));
    if (!oldest || !(oldest.isClosed || isHurried || backend.read((reader) => isDue(reader, oldest.id)))) return;
    await putPart(of, oldest.id);
  }
}

/** An empty part at the next free number: nothing that was sent before can come after it. Errors: BucketError. */
export async function putSeal(of: FeedBucket): Promise<void> {
  const id = newId();
  await of.transact((tx) => tx.run('INSERT INTO parts (id, feed, is_closed) VALUES (?, ?, 1)', id, of.feed));
  await putPart(of, id);
}

const oldestPart = (reader: Reader, feed: string) =>
  reader.get<{ id: string; isClosed: 0 | 1 }>(
    'SELECT id, is_closed AS isClosed FROM parts WHERE feed = ? ORDER BY seq LIMIT 1',
    feed,
  );

function isDue(reader: Reader, id: string): boolean {
  const { n } = reader.get<{ n: number }>('SELECT count(*) AS n FROM part_lines WHERE part = ?', id)!;
  // A clock that was set back makes it due too.
  return n >= LINES_MAX || Math.abs(Date.now() - msOfUlid(id)) >= OPEN_MS;
}

async function putPart(of: FeedBucket, id: string): Promise<void> {
  const { bucket, prefix, feed } = of;
  for (;;) {
    const at = await of.transact((tx) => {
      tx.run('UPDATE parts SET is_closed = 1 WHERE id = ?', id);
      return { number: bucketRow(tx, feed)!.next, bytes: bytesOf(tx, id), isOver: isInBucket(tx, id) };
    });
    // Another process has put it.
    if (at.isOver) return;
    await of.checkBefore(at.number);
    const key = partKey(prefix, at.number);
    let doubt: BucketError | undefined;
    const written = await bucket.put(key, bodyOf(at.bytes), { part: id }).catch((error: unknown) => {
      if (!(error instanceof BucketError) || error.kind !== 'doubt') throw error;
      doubt = error;
    });
    if (!written) {
      const there = await bucket.get(key);
      // Refused, and nothing there: a store that sees its own objects late.
      if (!there) throw doubt ?? bucket.error('doubt', 'no_answer', `${key} is not there yet`);
      if (there.metadata.part !== id) {
        await readPart(of, at.number, there.bytes, there.metadata.part ?? '');
        continue;
      }
    }
    await of.transact((tx) => {
      tx.run('DELETE FROM parts WHERE id = ?', id);
      tx.run('DELETE FROM part_lines WHERE part = ?', id);
      passNumber(tx, feed, at.number);
      tx.wake([partToken(id)]);
    });
    return;
  }
}

/** In the order in which they joined. */
function bytesOf(reader: Reader, id: string): Buffer {
  const lines = reader.all<{ line: string }>('SELECT line FROM part_lines WHERE part = ? ORDER BY seq', id);
  return Buffer.from(lines.map(({ line }) => line).join(''));
}

const passNumber = (tx: Tx, feed: string, number: number): void =>
  void tx.run('UPDATE buckets SET next = max(next, ?) WHERE feed = ?', number + 1, feed);

/** Reads the parts that this state does not know. Returns how many lines they had. Errors: BucketError. */
export async function readParts(of: FeedBucket): Promise<number> {
  for (let lines = 0; ; ) {
    const { next } = of.backend.read((reader) => bucketRow(reader, of.feed))!;
    const part = await of.bucket.get(partKey(of.prefix, next));
    if (!part) return lines;
    lines += await readPart(of, next, part.bytes, part.metadata.part ?? '');
  }
}

/** Returns how many lines this state did not know. Doing it twice is safe. */
function readPart(of: FeedBucket, number: number, bytes: Buffer, id: string): Promise<number> {
  const lines = bytes.toString('utf8').split('\n').slice(0, -1);
  return of.transact((tx) => {
    // Another process of this state has put or read it since that number was read.
    if (bucketRow(tx, of.feed)!.next !== number) return 0;
    // The process that put it has not recorded that yet, or died.
    const isOwn = bytesOf(tx, id).equals(bytes);
    for (const line of lines) enterLine(tx, of.options, id, line);
    passNumber(tx, of.feed, number);
    if (isOwn) return 0;
    // Contents may be due that the state has as published, and withdrawals begin again.
    if (lines.length > 0) tx.run('UPDATE buckets SET cursor = 0 WHERE feed = ?', of.feed);
    return lines.length;
  });
}
