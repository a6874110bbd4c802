/**
 * The rows of a state as a test sees them.
 * Guarantees: read-only, copied, closed at once.
 * Does not: belong into a process that holds a backend on the same state: closing our descriptor would drop its locks.
 */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { ByteName } from '../../src/linux/names.js';
import type { JobFacts } from '../../src/stages/job.js';

export interface JobRow {
  id: string;
  feed: string;
  key: ByteName;
  stage: string;
  state: 'ready' | 'claimed' | 'waiting' | 'held' | 'done';
  due_ms: number;
  owner: number | null;
  claim_no: number;
  attempts: number;
  crashes: number;
  bytes: number;
  hold_code: string | null;
  reason: string | null;
  waits_on: string | null;
  ending: string | null;
  payload: Partial<JobFacts>;
}

export interface LedgerRow {
  row: number;
  sha256: string;
  state: 'carried' | 'manifested' | 'stored';
  carrier: string;
  size: number;
  /** Relative to the warehouse. */
  target: ByteName | null;
  note: string | null;
}

export interface CounterRow {
  feed: string;
  stage: string;
  name: string;
  files: number;
  bytes: number;
}

export interface GateRow {
  stage: string;
  cause: string;
  place: string;
  code: string;
  probe_due_ms: number;
}

export interface DatabaseSurvey {
  jobs: JobRow[];
  ledger: LedgerRow[];
  counters: CounterRow[];
  gates: GateRow[];
  /** Manifest files with an append that was planned and not confirmed. */
  openAppends: string[];
}

/** Undefined while there is no state yet. */
export function readDatabase(statePath: string, feed: string): DatabaseSurvey | undefined {
  if (!existsSync(statePath)) return undefined;
  const db = new Database(statePath, { readonly: true, timeout: 5_000 });
  // A state that is being made has not all of its tables yet.
  const rowsOf = (table: string, order = 'rowid'): unknown[] => {
    const there = db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(table);
    return there ? db.prepare(`SELECT * FROM ${table} WHERE feed = ? ORDER BY ${order}`).all(feed) : [];
  };
  try {
    return {
      jobs: rowsOf('jobs').map(asJob),
      ledger: rowsOf('contents').map(asLedger),
      counters: rowsOf('counters', 'stage, name') as CounterRow[],
      gates: rowsOf('gates', 'stage, cause, place') as GateRow[],
      openAppends: rowsOf('appends').map((row) => (row as { file: string }).file),
    };
  } finally {
    db.close();
  }
}

function asJob(row: unknown): JobRow {
  const job = row as Omit<JobRow, 'key' | 'payload'> & { key: Buffer; payload: string };
  return { ...job, key: job.key.toString('latin1') as ByteName, payload: JSON.parse(job.payload) };
}

function asLedger(row: unknown): LedgerRow {
  const content = row as Omit<LedgerRow, 'sha256' | 'target'> & { sha256: Buffer; target: Buffer | null };
  return {
    ...content,
    sha256: content.sha256.toString('hex'),
    target: (content.target?.toString('latin1') ?? null) as ByteName | null,
  };
}
