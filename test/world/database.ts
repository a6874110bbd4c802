/**
 * The rows of a state, read by a test.
 * Guarantees: nothing is written, rows are copied, connections are closed at once.
 * Does not: work in a process that has a backend on the same state: closing our descriptor would release its locks.
 */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { type ContentState, hasEnded } from '../../src/ingest/ledger/content.js';
import type { JobFacts } from '../../src/ingest/rules/facts.js';
import type { ByteName } from '../../src/linux/names.js';
import { countAnew, depthsOff } from '../queue/sqlite/depths-off.js';

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
  trail: string;
}

export interface LedgerRow {
  row: number;
  sha256: string;
  generation: number;
  state: ContentState;
  carrier: string;
  size: number;
  /** Relative to the warehouse. */
  target: ByteName | null;
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
  /** The sentence for an operator. */
  reason: string;
  probe_due_ms: number;
}

export interface DatabaseSurvey {
  jobs: JobRow[];
  /** Without those whose records were pruned. */
  ledger: LedgerRow[];
  pruned: LedgerRow[];
  counters: CounterRow[];
  gates: GateRow[];
  /** Manifest files with an append that was planned and not confirmed. */
  openAppends: string[];
  /** For all feeds. */
  depthsOff: string[];
  /** Contents with a target that never got the name, or lost it. */
  unnamed: string[];
}

/** Jobs in progress at this moment, in all feeds. */
export interface Glance {
  claimed: number;
  openAppends: number;
  /** From the counters, since the beginning of this state. */
  stored: number;
}

/** `ok` for a whole database. */
export function integrityOf(path: string): unknown {
  const db = new Database(path, { readonly: true });
  try {
    return db.pragma('integrity_check', { simple: true });
  } finally {
    db.close();
  }
}

/** Zeros while there is no state yet, or one without tables. */
export function glance(statePath: string): Glance {
  if (!existsSync(statePath)) return { claimed: 0, openAppends: 0, stored: 0 };
  const db = new Database(statePath, { readonly: true, timeout: 5_000 });
  const ask = (what: string): number => db.prepare(`SELECT ${what}`).pluck().get() as number;
  const tables = "count(*) FROM sqlite_schema WHERE name IN ('jobs', 'appends', 'names', 'counters')";
  try {
    db.exec('BEGIN'); // one moment for all: what was claimed before a commit is not what that commit stored
    // The tables are created in two commits: the first read of a new state may come between them.
    if (ask(tables) < 4) return { claimed: 0, openAppends: 0, stored: 0 };
    return {
      claimed: ask("count(*) FROM jobs WHERE state = 'claimed'"),
      openAppends: ask('count(*) FROM appends'),
      stored: ask("total(files) FROM counters WHERE name = 'stored'"),
    };
  } finally {
    db.close();
  }
}

/** The number of jobs of a feed that are neither done nor held; cheap even with 100,000 others. */
export const underWay = (statePath: string, feed: string): number =>
  asked<number>(statePath, "count(*) FROM jobs WHERE state NOT IN ('done', 'held') AND feed = ?", feed)[0]!;

/** How many jobs are done and how many are not, as words to compare. */
export const doneAndOthers = (statePath: string, feed: string): string =>
  asked<string>(statePath, "total(state = 'done') || ' of ' || count(*) FROM jobs WHERE feed = ?", feed)[0]!;

/** The paths of the held jobs; equally cheap. */
export const heldKeys = (statePath: string, feed: string): ByteName[] =>
  asked<Buffer>(statePath, "key FROM jobs WHERE state = 'held' AND feed = ?", feed).map(
    (key) => key.toString('latin1') as ByteName,
  );

/** True if a content may be ingested as that generation. */
export const isAllowed = (statePath: string, sha256: string, generation: number): boolean =>
  asked(
    statePath,
    "1 FROM exceptions WHERE hex(sha256) = upper(?) AND generation = ? AND kind = 'allow_again'",
    ...[sha256, generation],
  ).length > 0;

/** True if this owner has claimed jobs; cheap enough to be asked every millisecond. */
export const hasClaims = (statePath: string, feed: string, owner: number): boolean =>
  asked(statePath, "1 FROM jobs WHERE state = 'claimed' AND feed = ? AND owner = ? LIMIT 1", feed, owner).length > 0;

function asked<T>(statePath: string, what: string, ...about: (string | number)[]): T[] {
  const db = new Database(statePath, { readonly: true, timeout: 5_000 });
  try {
    return db
      .prepare(`SELECT ${what}`)
      .pluck()
      .all(...about) as T[];
  } finally {
    db.close();
  }
}

/** True if somebody is inside a write transaction now. */
export function isWriteLocked(statePath: string): boolean {
  const db = new Database(statePath, { timeout: 0, fileMustExist: true });
  try {
    db.exec('BEGIN IMMEDIATE; ROLLBACK');
    return false;
  } catch (error) {
    if (!/^SQLITE_BUSY/.test((error as { code?: string }).code ?? '')) throw error;
    return true;
  } finally {
    db.close();
  }
}

type RowsOf = (table: string, order?: string) => unknown[];

/** Undefined while there is no state yet. */
function reading<T>(
  statePath: string,
  feed: string,
  read: (rowsOf: RowsOf, db: Database.Database) => T,
): T | undefined {
  if (!existsSync(statePath)) return undefined;
  const db = new Database(statePath, { readonly: true, timeout: 5_000 });
  try {
    // A state that is being created does not have all of its tables yet.
    const isThere = db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?');
    return read((table, order = 'rowid') => {
      if (!isThere.get(table)) return [];
      return db.prepare(`SELECT * FROM ${table} WHERE feed = ? ORDER BY ${order}`).all(feed);
    }, db);
  } finally {
    db.close();
  }
}

/** Undefined while there is no state yet. */
export const readDatabase = (statePath: string, feed: string): DatabaseSurvey | undefined =>
  reading(statePath, feed, (rowsOf, db) => {
    const contents = rowsOf('contents').map(asLedger);
    const wanted = contents.filter(({ state, target }) => !hasEnded({ state }) && target !== null);
    return {
      jobs: jobsOf(rowsOf),
      ledger: contents.filter(({ state }) => state !== 'pruned'),
      pruned: contents.filter(({ state }) => state === 'pruned'),
      counters: rowsOf('counters', 'stage, name') as CounterRow[],
      gates: gatesOf(rowsOf),
      openAppends: rowsOf('appends').map((row) => (row as { file: string }).file),
      depthsOff: depthsOff(db),
      unnamed: wanted.length > 0 ? unnamed(db, wanted) : [],
    };
  });

/** Parts of it. Waits ask for them hundreds of times. */
export const readJobs = (statePath: string, feed: string): JobRow[] => reading(statePath, feed, jobsOf) ?? [];
export const readGates = (statePath: string, feed: string): GateRow[] => reading(statePath, feed, gatesOf) ?? [];

const jobsOf = (rowsOf: RowsOf): JobRow[] => rowsOf('jobs').map(asJob);
const gatesOf = (rowsOf: RowsOf): GateRow[] => rowsOf('gates', 'stage, cause, place') as GateRow[];

function unnamed(db: Database.Database, wanted: readonly LedgerRow[]): string[] {
  const name = db.prepare('SELECT 1 FROM names WHERE content = ? AND n = 0');
  return wanted.filter(({ row }) => name.get(row) === undefined).map(({ row }) => `row ${row}`);
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

/** Makes a consistent copy of a database, also while processes write to it. */
export function copyDatabase(from: string, to: string): void {
  const db = new Database(from, { readonly: true });
  try {
    db.prepare('VACUUM INTO ?').run(to);
  } finally {
    db.close();
  }
}

/** Write access to a state that nobody uses now. */
export function editDatabase(path: string, act: (db: Database.Database) => void): void {
  const db = new Database(path);
  try {
    act(db);
    countAnew(db);
  } finally {
    db.close();
  }
}
