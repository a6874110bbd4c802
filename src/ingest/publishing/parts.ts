/**
 * Parts: the lines of published contents, and their corrections, as objects that never change.
 *
 *   open ──(ten seconds, or full)──> closed: its bytes are fixed ──> in the bucket: its row is removed
 *
 * Guarantees: a line joins one part, in the transaction that records its objects. Parts come into the bucket in the order of their
 * ids, one at a time for a feed and kind; so what is there is known up to an id, and a reader goes on after the last key that it has.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import { ulidFactory } from '../../../queue/index.js';
import type { BucketClient } from '../../bucket/client.js';
import { BucketError } from '../../bucket/errors.js';
import { type PartKind, type Prefix, partKey } from '../../bucket/keys.js';
import { sha256Of } from './object.js';

export const KINDS: readonly PartKind[] = ['manifests', 'corrections'];

/** An open part is closed after this time, or with so many lines. */
const OPEN_MS = 10_000;
const LINES_MAX = 1_000;

export interface Closed {
  id: string;
  kind: PartKind;
  bytes: Buffer;
}

/** Returns the id of the part. */
export function joinPart(tx: Tx, feed: string, kind: PartKind, content: number, line: string): string {
  const id = openPart(tx, feed, kind);
  tx.run('INSERT INTO part_lines (part, content, line) VALUES (?, ?, ?)', id, content, line);
  return id;
}

function openPart(tx: Tx, feed: string, kind: PartKind): string {
  const open = tx.get<{ id: string }>('SELECT id FROM parts WHERE feed = ? AND kind = ? AND bytes IS NULL', feed, kind);
  if (open) return open.id;
  const { partMs } = tx.get<{ partMs: number }>(
    'UPDATE buckets SET part_ms = max(part_ms + 1, ?) WHERE feed = ? RETURNING part_ms AS partMs',
    tx.wallMs,
    feed,
  )!;
  const id = ulidFactory(() => partMs)();
  tx.run('INSERT INTO parts (id, feed, kind) VALUES (?, ?, ?)', id, feed, kind);
  if (kind === 'manifests') tx.run('INSERT OR IGNORE INTO part_hours (feed, hour) VALUES (?, ?)', feed, hourOf(id));
  return id;
}

/** Closes what is due. Returns the closed parts, the oldest first. `isHurried`: nothing more is expected. */
export function closeDue(tx: Tx, feed: string, isHurried: boolean): Closed[] {
  for (const { id } of tx.all<{ id: string }>('SELECT id FROM parts WHERE feed = ? AND bytes IS NULL', feed)) {
    const lines = tx.get<{ n: number }>('SELECT count(*) AS n FROM part_lines WHERE part = ?', id)!.n;
    if (!isHurried && lines < LINES_MAX && tx.wallMs - msOf(id) < OPEN_MS) continue;
    const text = tx
      .all<{ line: string }>('SELECT line FROM part_lines WHERE part = ? ORDER BY content', id)
      .map(({ line }) => line)
      .join('');
    tx.run('UPDATE parts SET bytes = ? WHERE id = ?', Buffer.from(text), id);
  }
  return closedParts(tx, feed);
}

export const closedParts = (reader: Reader, feed: string): Closed[] =>
  reader.all<Closed>(
    'SELECT id, kind, bytes FROM parts WHERE feed = ? AND bytes IS NOT NULL ORDER BY kind DESC, id',
    feed,
  );

export const isInBucket = (reader: Reader, part: string): boolean =>
  reader.get('SELECT 1 FROM parts WHERE id = ?', part) === undefined;

/** `foreign`: another part has the key, so this state is older than the bucket. Errors: BucketError. */
export async function putPart(
  bucket: BucketClient,
  prefix: Prefix,
  { id, kind, bytes }: Closed,
): Promise<'put' | 'foreign'> {
  const key = partKey(prefix, kind, hourOf(id), id);
  try {
    await bucket.put(key, { bytes, sha256: sha256Of(bytes) });
    return 'put';
  } catch (error) {
    if (!(error instanceof BucketError) || (error.kind !== 'taken' && error.kind !== 'doubt')) throw error;
    const there = await bucket.get(key);
    if (there === undefined) throw error;
    return there.equals(bytes) ? 'put' : 'foreign';
  }
}

/** It is in the bucket. Withdrawals that wait for it go on. */
export function partIsPut(tx: Tx, id: string): void {
  tx.run('DELETE FROM parts WHERE id = ?', id);
  tx.run('DELETE FROM part_lines WHERE part = ?', id);
  tx.wake([partToken(id)]);
}

export const partToken = (id: string): string => `part:${id}`;

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** The wall-clock ms in a ULID. */
export const msOf = (id: string): number =>
  [...id.slice(0, 10)].reduce((ms, char) => ms * 32 + DIGITS.indexOf(char), 0);

/** The smallest id of that ms. */
export const idAt = (ms: number): string => {
  let id = '';
  for (let rest = ms, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) id = DIGITS[rest % 32] + id;
  return id.padEnd(26, '0');
};

/** The folder of a part: the hour of its id, as `2026/11/26/12`, UTC. */
export const hourOf = (id: string): string => new Date(msOf(id)).toISOString().slice(0, 13).replace(/[-T]/g, '/');

export const oldestUnput = (reader: Reader, feed: string, kind: PartKind): string | undefined =>
  reader.get<{ id: string | null }>('SELECT min(id) AS id FROM parts WHERE feed = ? AND kind = ?', feed, kind)?.id ??
  undefined;
