/**
 * The tables of a change log, and their reads and writes inside a transaction. A key has one row with its last state; recording it
 * again moves the row to the end.
 */
import type { Module, Tables } from '../../queue/index.js';
import { bytesOfKey } from './check.js';
import { limits } from './limits.js';
import type { Change, Consumer, NewChange, Operation } from './types.js';

export type Rows = Parameters<Parameters<Tables['read']>[0]>[0];
type Row = [seq: number, key: Buffer, operation: Operation, atMs: number, renameId: string | null];

export const changeLogModule: Module = {
  name: 'change_log',
  migrations: [
    `CREATE TABLE changes (
       seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused, even after removals
       key BLOB NOT NULL UNIQUE CHECK (length(key) > 0),
       operation TEXT NOT NULL CHECK (operation IN ('put', 'delete')),
       at_ms INTEGER NOT NULL,
       rename_id TEXT
     ) STRICT;
     CREATE TABLE consumers (
       name TEXT PRIMARY KEY,
       acked INTEGER NOT NULL CHECK (acked >= 0),
       lost INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1))
     ) STRICT, WITHOUT ROWID;
     -- 'horizon': some rows up to this seq may have been removed without a later row for their key.
     CREATE TABLE marks (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
     INSERT INTO marks VALUES ('horizon', 0);`,
    // 1 until its first acknowledgement: a consumer may die while it reads everything for the first time.
    'ALTER TABLE consumers ADD COLUMN fresh INTEGER NOT NULL DEFAULT 0 CHECK (fresh IN (0, 1))',
  ],
};

const INSERT = `INSERT INTO changes (key, operation, at_ms, rename_id) VALUES (?, ?, ?, ?)`;
/** Removes the row of this key, and returns what it said. */
const TAKE = 'DELETE FROM changes WHERE key = ? RETURNING operation, rename_id AS renameId';
const LAST = "SELECT coalesce(max(seq), 0) AS seq FROM sqlite_sequence WHERE name = 'changes'";
const HORIZON = "SELECT seq FROM marks WHERE name = 'horizon'";
const RAISE_HORIZON = "UPDATE marks SET seq = max(seq, ?) WHERE name = 'horizon'";
const SINCE = `SELECT seq, key, operation, at_ms, rename_id FROM changes WHERE seq > ? ORDER BY seq LIMIT ?`;
/** NULL if nobody is registered: then no change counts as read. */
const SEEN_BY_ALL = 'SELECT min(acked) AS seq FROM consumers WHERE lost = 0';
const REMOVE = 'DELETE FROM changes WHERE seq IN (SELECT seq FROM changes WHERE seq <= ? ORDER BY seq LIMIT ?)';
/** The newest row beyond the bound. */
const BEYOND = 'SELECT seq FROM changes ORDER BY seq DESC LIMIT 1 OFFSET ?';
const LOSE = 'UPDATE consumers SET lost = 1 WHERE lost = 0 AND acked < ? RETURNING name, acked';

/**
 * A special case: a key was written and then renamed away, and the write was not read yet. A reader that saw only the
 * rename would rename its old copy. So the rename is recorded as what it also is: a delete and a put.
 */
export function put(rows: Rows, { key, operation, timestamp, renameId }: NewChange): void {
  const bytes = bytesOfKey(key);
  const before = rows.get<{ operation: Operation }>(TAKE, bytes);
  const moved = operation === 'delete' && before?.operation === 'put' ? undefined : renameId;
  rows.run(INSERT, bytes, operation, timestamp.getTime(), moved ?? null);
}

export function removeSeen(rows: Rows): void {
  const { seq } = rows.get<{ seq: number | null }>(SEEN_BY_ALL)!;
  if (seq === null) return;
  rows.run(RAISE_HORIZON, seq);
  rows.run(REMOVE, seq, limits.removeAtOnce);
}

/** Removes at least as many as were recorded since the last time. Returns the consumers that are lost by the removal. */
export function bound(rows: Rows, entriesMax: number, recorded: number): { name: string; acked: number }[] {
  const beyond = rows.get<{ seq: number }>(BEYOND, entriesMax)?.seq;
  if (beyond === undefined) return [];
  const lost = rows.all<{ name: string; acked: number }>(LOSE, beyond);
  rows.run(RAISE_HORIZON, beyond);
  rows.run(REMOVE, beyond, Math.max(limits.removeAtOnce, recorded));
  return lost;
}

interface ConsumerRow {
  name: string;
  acked: number;
  lost: number;
  fresh: number;
}
const asConsumer = ({ name, acked, lost, fresh }: ConsumerRow): Consumer => ({
  name,
  acked,
  lost: lost === 1,
  fresh: fresh === 1,
});

export function consumerOf(rows: Rows, name: string): Consumer | undefined {
  const row = rows.get<ConsumerRow>('SELECT * FROM consumers WHERE name = ?', name);
  return row && asConsumer(row);
}

export const countOf = (rows: Rows): number => rows.get<{ n: number }>('SELECT count(*) AS n FROM consumers')!.n;
const seqOf = (rows: Rows, query: string): number => rows.get<{ seq: number }>(query)!.seq;
export const lastOf = (rows: Rows): number => seqOf(rows, LAST);
export const horizonOf = (rows: Rows): number => seqOf(rows, HORIZON);

const changeOf = ([seq, key, operation, atMs, renameId]: Row): Change => ({
  seq,
  key,
  operation,
  timestamp: new Date(atMs),
  ...(renameId === null ? {} : { renameId }),
});

export const changesAfter = (rows: Rows, seq: number, limit: number): Change[] =>
  (rows.arrays(SINCE, seq, limit) as Row[]).map(changeOf);

export const allConsumers = (rows: Rows): Consumer[] =>
  rows.all<ConsumerRow>('SELECT * FROM consumers ORDER BY name').map(asConsumer);
