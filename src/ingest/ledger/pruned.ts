/**
 * Contents whose records were pruned. The row stays for ever, with what recognises the content and the hour of the manifest that has
 * its line: a file that brings it again is a duplicate.
 * Does not: prune a content that was learned elsewhere, or was never seen at its target: it is recorded nowhere else. Nor a withdrawn one.
 */
import type { Reader, Tx } from '../../../queue/backend.js';
import type { Module } from '../../../queue/index.js';
import { forgetOutputs } from '../chains/recorded-outputs.js';
import { pruneNames } from './names.js';
import { forgetPublications, NOT_PUBLISHED_YET } from './publications.js';

export const prunedModule: Module = {
  name: 'pruned',
  migrations: [
    `
    -- The version before kept pruned contents apart (contents-schema.ts takes them over).
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
};

/** The version before had hashes in tables of their own. Their migrations are counted, and make nothing any more. */
export const hashesModules: readonly Module[] = [
  { name: 'hashes', migrations: ['', ''] },
  { name: 'hash-filter', migrations: [''] },
];

/** A stored content in the order of pruning. */
export type Storing = [storedMs: number, row: number];

export interface RecordPage {
  rows: number[];
  /** The content to go on after; undefined at the end. */
  next: Storing | undefined;
}

const OLD = `SELECT updated_at_ms, row FROM contents WHERE state = 'stored' AND updated_at_ms < ? AND (updated_at_ms, row) > (?, ?)
  ORDER BY updated_at_ms, row LIMIT ? + 0`;

/** At most `max` contents that were stored before that wall-clock ms, the oldest first. */
export function recordsBefore(reader: Reader, beforeMs: number, after: Storing | undefined, max: number): RecordPage {
  const page = reader.arrays(OLD, beforeMs, ...(after ?? [-1, 0]), max) as Storing[];
  return { rows: page.map(([, row]) => row), next: page.length < max ? undefined : page.at(-1) };
}

const FORGET = `DELETE FROM contents WHERE row IN (SELECT value FROM json_each(?)) AND state = 'stored' AND told = 1
    AND NOT ${NOT_PUBLISHED_YET}
  RETURNING row, feed, sha256, generation, hour`;
const KEEP = "INSERT INTO contents (feed, sha256, generation, state, hour) VALUES (?, ?, ?, 'pruned', ?)";

interface Kept {
  feed: string;
  sha256: Buffer;
  generation: number;
  hour: string;
}

/** The row by which a content is recognised: nothing else of it is known. */
export const keepPruned = (tx: Tx, { feed, sha256, generation, hour }: Kept): void =>
  void tx.run(KEEP, feed, sha256, generation, hour);

/** Forgets the records of these rows, but of those that another host is still to be told of. Returns how many. What stays gets a new row: a row that shrinks in its place frees no page. */
export function forgetRecords(tx: Tx, rows: readonly number[]): number {
  const gone = tx.all<Kept & { row: number }>(FORGET, JSON.stringify(rows));
  for (const one of gone) keepPruned(tx, one);
  const its = gone.map(({ row }) => row);
  forgetOutputs(tx, its);
  pruneNames(tx, its);
  forgetPublications(tx, its);
  return gone.length;
}

/** A clock that was ahead left a time that has not come. */
const UNTIL = 'INSERT INTO pruned_until VALUES (1, ?) ON CONFLICT DO UPDATE SET ms = max(min(ms, ?), excluded.ms)';

/** Call it before anything is removed. */
export const notePrunedUntil = (tx: Tx, ms: number): void => void tx.run(UNTIL, ms, tx.wallMs);

/** Jobs and contents that ended before that wall-clock ms may be forgotten; undefined where nothing ever was. */
export const prunedUntil = (reader: Reader): number | undefined =>
  reader.get<{ ms: number }>('SELECT ms FROM pruned_until')?.ms;
