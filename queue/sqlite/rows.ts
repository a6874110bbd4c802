/**
 * Prepared statements by their text, and the one mapping between a row of `jobs` and a Job.
 * Does not: open or end transactions.
 */
import type Database from 'better-sqlite3';
import type { ClaimedJob, Job, JobId, OwnerId, Payload, Reader, TrailEntry } from '../backend.js';
import type { State } from '../states.js';

/** Callers that build SQL text from values would fill the cache: then it starts anew. */
const STATEMENTS_MAX = 500;

export class Rows implements Reader {
  readonly #statements = new Map<string, Database.Statement<unknown[]>>();

  constructor(readonly db: Database.Database) {}

  statement(sql: string): Database.Statement<unknown[]> {
    let known = this.#statements.get(sql);
    if (!known) {
      if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear();
      known = this.db.prepare(sql);
      this.#statements.set(sql, known);
    }
    return known;
  }

  get<T>(sql: string, ...params: unknown[]): T | undefined {
    return this.statement(sql).get(...params) as T | undefined;
  }

  all<T>(sql: string, ...params: unknown[]): T[] {
    return this.statement(sql).all(...params) as T[];
  }

  run(sql: string, ...params: unknown[]): { changes: number; lastInsertRowid: number | bigint } {
    return this.statement(sql).run(...params);
  }
}

export interface JobRow {
  seq: number;
  id: JobId;
  feed: string;
  key: Buffer;
  identity: string;
  stage: string;
  state: State;
  due_ms: number;
  owner: OwnerId | null;
  claim_no: number;
  attempts: number;
  crashes: number;
  keyed: 0 | 1;
  bytes: number;
  payload: string;
  hold_code: string | null;
  reason: string | null;
  waits_on: string | null;
  ending: string | null;
  created_ms: number;
  updated_ms: number;
  trail: string;
}

export function toJob(row: JobRow): Job {
  return {
    id: row.id,
    feed: row.feed,
    key: row.key,
    identity: row.identity,
    stage: row.stage,
    state: row.state,
    dueMs: row.due_ms,
    claimNo: row.claim_no,
    owner: row.owner,
    attempts: row.attempts,
    crashes: row.crashes,
    keyed: row.keyed === 1,
    bytes: row.bytes,
    payload: JSON.parse(row.payload) as Payload,
    holdCode: row.hold_code,
    reason: row.reason,
    waitsOn: row.waits_on,
    ending: row.ending,
    createdAtMs: row.created_ms,
    updatedAtMs: row.updated_ms,
    trail: JSON.parse(row.trail) as TrailEntry[],
  };
}

export const toClaimedJob = (row: JobRow): ClaimedJob => toJob(row) as ClaimedJob;

export function jobById(rows: Reader, id: JobId): Job | undefined {
  const row = rows.get<JobRow>('SELECT * FROM jobs WHERE id = ?', id);
  return row && toJob(row);
}
