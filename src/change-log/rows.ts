/**
 * The reads and writes of a change log inside a transaction.
 */
import type { Tables } from '../../queue/index.js';
import { bytesOfKey } from './check.js';
import { limits } from './limits.js';
import * as sql from './schema.js';
import type { Change, Consumer, NewChange, Operation } from './types.js';

export type Rows = Parameters<Parameters<Tables['read']>[0]>[0];
type Row = [seq: number, key: Buffer, operation: Operation, atMs: number, renameId: string | null];

/**
 * A special case: a key was written and then renamed away, and the write was not read yet. A reader that saw only the
 * rename would rename its old copy. So the rename is recorded as what it also is: a delete and a put.
 */
export function put(rows: Rows, { key, operation, timestamp, renameId }: NewChange): void {
  const bytes = bytesOfKey(key);
  const before = rows.get<{ operation: Operation }>(sql.TAKE, bytes);
  const moved = operation === 'delete' && before?.operation === 'put' ? undefined : renameId;
  rows.run(sql.INSERT, bytes, operation, timestamp.getTime(), moved ?? null);
}

export function removeSeen(rows: Rows): void {
  const { seq } = rows.get<{ seq: number | null }>(sql.SEEN_BY_ALL)!;
  if (seq === null) return;
  rows.run(sql.RAISE_HORIZON, seq);
  rows.run(sql.REMOVE, seq, limits.removeAtOnce);
}

/** Removes at least as many as were recorded since the last time. Returns the consumers that are lost by the removal. */
export function bound(rows: Rows, entriesMax: number, recorded: number): { name: string; acked: number }[] {
  const beyond = rows.get<{ seq: number }>(sql.BEYOND, entriesMax)?.seq;
  if (beyond === undefined) return [];
  const lost = rows.all<{ name: string; acked: number }>(sql.LOSE, beyond);
  rows.run(sql.RAISE_HORIZON, beyond);
  rows.run(sql.REMOVE, beyond, Math.max(limits.removeAtOnce, recorded));
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
export const seqOf = (rows: Rows, query: string): number => rows.get<{ seq: number }>(query)!.seq;
export const lastOf = (rows: Rows): number => seqOf(rows, sql.LAST);

const changeOf = ([seq, key, operation, atMs, renameId]: Row): Change => ({
  seq,
  key,
  operation,
  timestamp: new Date(atMs),
  ...(renameId === null ? {} : { renameId }),
});

export const changesAfter = (rows: Rows, seq: number, limit: number): Change[] =>
  (rows.arrays(sql.SINCE, seq, limit) as Row[]).map(changeOf);

export const allConsumers = (rows: Rows): Consumer[] =>
  rows.all<ConsumerRow>('SELECT * FROM consumers ORDER BY name').map(asConsumer);
