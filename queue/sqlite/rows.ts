/**
 * Prepared statements by their text, and the one mapping between a row of `jobs` and a Job.
 * Does not: open or end transactions.
 */
import type Database from 'better-sqlite3';
import type { Amend, ClaimedJob, Job, JobId, OwnerId, Payload, Reader } from '../backend.js';
import type { State } from '../states.js';
import { trailOf } from '../trail.js';

/** Callers that build SQL text from values would fill the cache; at this size it is emptied. */
const STATEMENTS_MAX = 500;

export class Rows implements Reader {
  readonly #statements = new Map<string, Database.Statement<unknown[]>>();
  readonly #raw = new Map<string, Database.Statement<unknown[]>>();

  constructor(readonly db: Database.Database) {}

  statement(sql: string): Database.Statement<unknown[]> {
    return this.#statements.get(sql) ?? keep(this.#statements, sql, this.db.prepare(sql));
  }

  protected raw(sql: string): Database.Statement<unknown[]> {
    return this.#raw.get(sql) ?? keep(this.#raw, sql, this.db.prepare<unknown[]>(sql).raw());
  }

  get<T>(sql: string, ...params: unknown[]): T | undefined {
    return this.statement(sql).get(...params) as T | undefined;
  }

  all<T>(sql: string, ...params: unknown[]): T[] {
    return this.statement(sql).all(...params) as T[];
  }

  /**
   * Returns rows as arrays of column values. An object with twenty properties costs three times as much as reading its
   * row, so queries with thousands of rows use this.
   */
  arrays(sql: string, ...params: unknown[]): unknown[][] {
    return this.raw(sql).all(...params) as unknown[][];
  }

  /** Read with each claim. better-sqlite3's own `pragma` compiles it every time and costs ten times as much. */
  pragma(name: 'data_version' | 'user_version'): number {
    return this.get<Record<string, number>>(`PRAGMA ${name}`)![name]!;
  }

  run(sql: string, ...params: unknown[]): { changes: number; lastInsertRowid: number | bigint } {
    return this.statement(sql).run(...params);
  }
}

function keep<S>(statements: Map<string, S>, sql: string, prepared: S): S {
  if (statements.size >= STATEMENTS_MAX) statements.clear();
  statements.set(sql, prepared);
  return prepared;
}

/** In the order of `JobArray`. */
export const JOB_COLUMNS = `id, feed, key, identity, stage, state, due_ms, claim_no, owner, attempts, crashes, keyed, bytes,
  payload, hold_code, reason, waits_on, ending, created_ms, updated_ms, trail, seq, interrupted`;

/** A row of `jobs` as `Rows.arrays` reads it. */
export type JobArray = [
  id: JobId,
  feed: string,
  key: Buffer,
  identity: string,
  stage: string,
  state: State,
  dueMs: number,
  claimNo: number,
  owner: OwnerId | null,
  attempts: number,
  crashes: number,
  keyed: 0 | 1,
  bytes: number,
  payload: string,
  holdCode: string | null,
  reason: string | null,
  waitsOn: string | null,
  ending: string | null,
  createdMs: number,
  updatedMs: number,
  trail: string,
  seq: number,
  interrupted: 0 | 1,
];

export const jobsWhere = (rows: Reader, rest: string, ...params: unknown[]): Job[] =>
  (rows.arrays(`SELECT ${JOB_COLUMNS} FROM jobs WHERE ${rest}`, ...params) as JobArray[]).map(toJob);

export const jobById = (rows: Reader, id: JobId): Job | undefined => jobsWhere(rows, 'id = ?', id)[0];

/** Column by column: destructuring or spreading took longer than reading the row. */
export const toJob = (row: JobArray): Job => ({
  id: row[0],
  feed: row[1],
  key: row[2],
  identity: row[3],
  stage: row[4],
  state: row[5],
  dueMs: row[6],
  claimNo: row[7],
  owner: row[8],
  attempts: row[9],
  crashes: row[10],
  interrupted: row[22] === 1,
  keyed: row[11] === 1,
  bytes: row[12],
  payload: JSON.parse(row[13]) as Payload,
  holdCode: row[14],
  reason: row[15],
  waitsOn: row[16],
  ending: row[17],
  createdAtMs: row[18],
  updatedAtMs: row[19],
  trail: trailOf(row[20]),
});

export const toClaimedJob = (row: JobArray): ClaimedJob => toJob(row) as ClaimedJob;

/** The columns that an `Amend` changes; `amendedBy` has their values. Null: the column stays as it is. */
export const AMENDED = `payload = coalesce(?, payload), identity = coalesce(?, identity), bytes = coalesce(?, bytes),
  keyed = min(keyed, ?), interrupted = coalesce(?, interrupted)`;

/** `payload`: its `payloadText`. `isDone`: a job that is done has no key. SQLite has no booleans. */
export function amendedBy(
  { identity, bytes, freeKey, interrupted }: Amend,
  payload: string | null,
  isDone = false,
): (string | number | null)[] {
  const flag = interrupted === undefined ? null : Number(interrupted);
  return [payload, identity ?? null, bytes ?? null, freeKey || isDone ? 0 : 1, flag];
}

export const payloadText = ({ payload }: Amend): string | null =>
  payload === undefined ? null : JSON.stringify(payload);
