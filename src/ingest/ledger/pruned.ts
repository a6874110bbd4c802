/**
 * Contents whose records were pruned. Their hash, and the hour of the manifest that has the line, stay for ever: the same content
 * is always recognised as a duplicate.
 * Guarantees: a record is removed only in the transaction that has its hash here. Only stored contents with a line are removed:
 * a content that was learned elsewhere, or was never seen at its target, is recorded nowhere else.
 * One table in the order of its hashes. With row numbers and an index it would be three times as large.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import { forgetOutputs } from '../outputs/recorded.js';
import type { Content } from './content.js';
import { noteOld } from './hash-filter.js';
import { forgetHashes } from './hashes.js';

export const prunedModule = {
  name: 'pruned',
  migrations: [
    `
    -- Each row below has the number, and 0 takes no room there.
    CREATE TABLE pruned_feeds (number INTEGER PRIMARY KEY, feed TEXT NOT NULL UNIQUE) STRICT;

    CREATE TABLE pruned (
      sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
      feed INTEGER NOT NULL,
      -- the name of its manifest's folder, YYYY/MM/DD/HH, as hours since 1970
      hour INTEGER NOT NULL,
      PRIMARY KEY (sha256, feed)
    ) STRICT, WITHOUT ROWID;

    -- Jobs and contents that ended before this wall-clock ms may be forgotten.
    CREATE TABLE pruned_until (one INTEGER PRIMARY KEY CHECK (one = 1), ms INTEGER NOT NULL) STRICT;
    `,
  ],
} as const;

const HOUR_MS = 3_600_000;

const BY_HASH = `SELECT p.hour, r.path FROM pruned_feeds f CROSS JOIN pruned p ON p.sha256 = ? AND p.feed = f.number
  LEFT JOIN roots r ON r.feed = f.feed AND r.kind = 'manifests' WHERE f.feed = ?`;

/** Returns it as a stored content without details: `sourcePath` is the manifest that has its line. */
export function prunedByHash(reader: Reader, feed: string, sha256: Buffer): Content | undefined {
  const [row] = reader.arrays(BY_HASH, sha256, feed) as [hour: number, manifests: string | null][];
  return row && asContent(feed, sha256, row[0], row[1] ?? '');
}

const PAGE = `SELECT p.sha256, p.hour FROM pruned p WHERE p.sha256 > ? AND p.feed = ? ORDER BY p.sha256 LIMIT ? + 0`;

/** A page of the pruned contents of a feed, in the order of their hashes. */
export function prunedAfter(reader: Reader, feed: string, after: Buffer, max: number): Content[] {
  const number = reader.get<{ number: number }>('SELECT number FROM pruned_feeds WHERE feed = ?', feed)?.number;
  const root = reader.get<{ path: string }>("SELECT path FROM roots WHERE feed = ? AND kind = 'manifests'", feed);
  const page = reader.arrays(PAGE, after, number ?? -1, max) as [sha256: Buffer, hour: number][];
  return page.map(([sha256, hour]) => asContent(feed, sha256, hour, root?.path ?? ''));
}

function asContent(feed: string, sha256: Buffer, hours: number, manifests: string): Content {
  const hour = new Date(hours * HOUR_MS).toISOString().slice(0, 13).replace(/[-T]/g, '/');
  return {
    row: 0,
    feed,
    sha256,
    generation: 1,
    state: 'stored',
    carrier: '',
    size: 0,
    device: '',
    inode: '',
    mtimeNs: '',
    sourcePath: Buffer.from(`${manifests}/${hour}/manifest.jsonl`),
    seal: 'lease',
    target: null,
    hour,
    ingestId: null,
    ingestedAtMs: null,
    note: 'pruned',
  };
}

export interface RecordPage {
  rows: number[];
  /** The row to go on after; undefined at the end of the ledger. */
  next: number | undefined;
}

// A reserved target was not yet seen to be free. Its record stays until a worker has checked.
const OLD = `SELECT row FROM contents WHERE row > @after AND row <= @last AND state = 'stored' AND note IS NULL
  AND generation = 1 AND hour GLOB '[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]/[0-9][0-9]' AND updated_at_ms < @before
  AND row NOT IN (SELECT content FROM reservations)`;
const LAST = 'SELECT max(row) AS last FROM (SELECT row FROM contents WHERE row > ? ORDER BY row LIMIT ? + 0)';

/** Contents that were stored before that wall-clock ms, among the `max` rows after `after`. */
export function recordsBefore(reader: Reader, beforeMs: number, after: number, max: number): RecordPage {
  const last = reader.get<{ last: number | null }>(LAST, after, max)!.last;
  if (last === null) return { rows: [], next: undefined };
  const rows = reader.all<{ row: number }>(OLD, { after, last, before: beforeMs });
  return { rows: rows.map(({ row }) => row), next: last };
}

const AHEAD = `SELECT sum(h.row), sum(p.hour) FROM contents c LEFT JOIN hashes_old h ON h.head = substr(c.sha256, 1, 6) AND h.row = c.row
  LEFT JOIN pruned p ON p.sha256 = c.sha256 WHERE c.row IN (SELECT value FROM json_each(?))`;

/** Reads the pages that the removal will change. From a disk that takes 0.1 ms each, outside of any transaction. */
export const readAhead = (reader: Reader, rows: readonly number[]): void =>
  void reader.get(AHEAD, JSON.stringify(rows));

const NUMBER = `INSERT OR IGNORE INTO pruned_feeds (number, feed)
  SELECT (SELECT coalesce(max(number) + 1, 0) FROM pruned_feeds), feed FROM contents WHERE row = ?`;
const NEW_FEED = `SELECT row FROM contents WHERE row IN (SELECT value FROM json_each(?))
  AND feed NOT IN (SELECT feed FROM pruned_feeds) LIMIT 1`;
const KEEP_HASHES = `INSERT OR IGNORE INTO pruned (sha256, feed, hour)
  SELECT c.sha256, f.number, unixepoch(replace(substr(c.hour, 1, 10), '/', '-') || ' ' || substr(c.hour, 12) || ':00') / 3600
  FROM contents c JOIN pruned_feeds f ON f.feed = c.feed
  WHERE c.row IN (SELECT value FROM json_each(?)) AND c.state = 'stored' AND c.note IS NULL ORDER BY c.sha256`;
const FORGET = `DELETE FROM contents WHERE row IN (SELECT value FROM json_each(?)) AND state = 'stored' AND note IS NULL AND EXISTS
  (SELECT 1 FROM pruned_feeds f JOIN pruned p ON p.feed = f.number WHERE f.feed = contents.feed AND p.sha256 = contents.sha256)
  RETURNING row, sha256`;

/** Forgets the records of these rows; their hashes stay. Returns how many. */
export function forgetRecords(tx: Tx, rows: readonly number[]): number {
  const json = JSON.stringify(rows);
  for (let feed: { row: number } | undefined; ; ) {
    feed = tx.get<{ row: number }>(NEW_FEED, json);
    if (!feed) break;
    tx.run(NUMBER, feed.row);
  }
  tx.run(KEEP_HASHES, json);
  const gone = tx.all<{ row: number; sha256: Buffer }>(FORGET, json);
  forgetOutputs(
    tx,
    gone.map(({ row }) => row),
  );
  noteOld(tx, forgetHashes(tx, gone));
  return gone.length;
}

/** The content has a row again. */
export function forgetPruned(tx: Tx, feed: string, sha256: Buffer): void {
  tx.run(
    'DELETE FROM pruned WHERE sha256 = ? AND feed = (SELECT number FROM pruned_feeds WHERE feed = ?)',
    sha256,
    feed,
  );
}

/** Call it before anything is removed. */
export const notePrunedUntil = (tx: Tx, ms: number): void =>
  void tx.run('INSERT INTO pruned_until VALUES (1, ?) ON CONFLICT DO UPDATE SET ms = max(ms, excluded.ms)', ms);

/** Jobs and contents that ended before that wall-clock ms may be forgotten; undefined where nothing ever was. */
export const prunedUntil = (reader: Reader): number | undefined =>
  reader.get<{ ms: number }>('SELECT ms FROM pruned_until')?.ms;
