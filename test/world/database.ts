/**
 * The rows of a state as a test sees them, and what they must agree on with the disk.
 * Guarantees: read-only, copied, closed at once.
 * Does not: belong into a process that holds a backend on the same state: closing our descriptor would drop its locks.
 */
import { existsSync } from 'node:fs';
import Database from 'better-sqlite3';
import { type ByteName, nameOfText, shownName } from '../../src/linux/names.js';
import type { Difference, DifferenceKind, Expected } from './oracle.js';
import type { Survey } from './survey.js';

export interface JobRow {
  id: string;
  feed: string;
  key: ByteName;
  stage: string;
  state: 'ready' | 'claimed' | 'waiting' | 'held' | 'done';
  due_ms: number;
  attempts: number;
  crashes: number;
  owner: number | null;
  hold_code: string | null;
  reason: string | null;
  waits_on: string | null;
  ending: string | null;
  payload: Record<string, unknown>;
}

/** A row of the public view `ingestion_state`. */
export interface LedgerRow {
  sha256: string;
  size: number;
  source_path: string | null;
  warehouse_path: string | null;
  state: string;
}

export interface CounterRow {
  feed: string;
  stage: string;
  name: string;
  files: number;
  bytes: number;
}

export interface DatabaseSurvey {
  jobs: JobRow[];
  /** Those whose warehouse path lies in the feed's warehouse, or that have none yet. */
  ledger: LedgerRow[];
  counters: CounterRow[];
}

/** Undefined while there is no state yet. */
export function readDatabase(statePath: string, feed: string, warehouse = ''): DatabaseSurvey | undefined {
  if (!existsSync(statePath)) return undefined;
  const db = new Database(statePath, { readonly: true, timeout: 5_000 });
  try {
    const has = (name: string) => db.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(name) !== undefined;
    return {
      jobs: has('jobs') ? db.prepare('SELECT * FROM jobs WHERE feed = ? ORDER BY id').all(feed).map(asJob) : [],
      ledger: has('ingestion_state')
        ? db
            .prepare('SELECT * FROM ingestion_state')
            .all()
            .map(asLedger)
            .filter((row) => isOf(warehouse, row))
        : [],
      counters: has('counters') ? (db.prepare('SELECT * FROM counters WHERE feed = ?').all(feed) as CounterRow[]) : [],
    };
  } finally {
    db.close();
  }
}

const asJob = (row: unknown): JobRow => {
  const job = row as JobRow & { key: unknown; payload: unknown };
  return {
    ...job,
    key: (job.key as unknown as Buffer).toString('latin1') as ByteName,
    payload: JSON.parse(job.payload as unknown as string),
  };
};

const asLedger = (row: unknown): LedgerRow => {
  const { sha256, ...rest } = row as LedgerRow & { sha256: string | Buffer };
  return { ...rest, sha256: Buffer.isBuffer(sha256) ? sha256.toString('hex') : sha256 };
};

const isOf = (warehouse: string, row: LedgerRow): boolean =>
  row.warehouse_path === null || row.warehouse_path.startsWith(`${warehouse}/`) || !row.warehouse_path.startsWith('/');

/** What the rows say against what the disk says. Counters and rows count only when everything is settled. */
export function databaseDifferences(database: DatabaseSurvey, seen: Survey, expected: Expected): Difference[] {
  const found: Difference[] = [];
  const tell = (kind: DifferenceKind, what: string) => found.push({ kind, what: `${seen.feed}: ${what}` });
  carriers(database, tell);
  if (!expected.settled) return found;

  for (const job of database.jobs) {
    if (job.state === 'done' || (job.state === 'held' && expected.held.size > 0)) continue;
    const why = job.hold_code ?? job.waits_on ?? '';
    tell(
      'stuck',
      `the job ${job.id} of ${shownName(job.key)} is ${job.state} in ${job.stage} ${why} ${job.reason ?? ''}`.trim(),
    );
  }
  const stored = new Set(database.ledger.filter((row) => row.state === 'MOVED').map((row) => row.sha256));
  const lines = seen.lines.filter((line) => line.record && !seen.withdrawn.has(line.record.ingest_id));
  const foreign = new Set(
    expected.bystanders.filter((b) => b.place === 'warehouse').map((b) => nameOfText(b.seen.path)),
  );
  for (const digest of new Set(seen.warehouse.filter((f) => !foreign.has(f.path)).map((f) => f.sha256))) {
    // A file that has no line either is told by that name already; so are wrong bytes.
    if (!stored.has(digest) && lines.some((line) => line.record!.sha256 === digest))
      tell('row_differs', `${digest} is in the warehouse, and the ledger does not say stored`);
  }
  const manifested = new Set(lines.map((line) => line.record!.sha256));
  for (const digest of stored) {
    const onDisk = seen.warehouse.some((f) => f.sha256 === digest);
    if (!manifested.has(digest) && !onDisk) tell('row_differs', `${digest} is stored by the ledger alone`);
  }
  counters(
    database,
    lines.map((line) => line.record!.size),
    stored.size,
    tell,
  );
  return found;
}

/** A content never has two carriers: of the jobs that go on, one at most is past the ledger's answer for a content. */
function carriers(database: DatabaseSurvey, tell: (kind: DifferenceKind, what: string) => void): void {
  const carriedBy = new Map<string, string>();
  for (const job of database.jobs) {
    const content = job.payload.content;
    const carries =
      job.state !== 'done' && job.state !== 'waiting' && (job.stage === 'manifest' || job.stage === 'move');
    if (!carries || typeof content !== 'string') continue;
    const other = carriedBy.get(content);
    if (other !== undefined) tell('row_differs', `the content ${content} has two carriers: ${other} and ${job.id}`);
    carriedBy.set(content, job.id);
  }
}

function counters(
  database: DatabaseSurvey,
  sizes: number[],
  stored: number,
  tell: (kind: DifferenceKind, what: string) => void,
): void {
  const counter = database.counters.find((c) => c.name === 'stored');
  if (database.ledger.length === 0 && !counter) return;
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  // With lines and rows apart, that is told already; the counter is compared with what both agree on.
  if (sizes.length !== stored) return;
  if (counter?.files !== sizes.length || counter.bytes !== bytes) {
    tell(
      'counter_differs',
      `stored counts ${counter?.files ?? 0} files and ${counter?.bytes ?? 0} bytes; the manifest has ${sizes.length} lines and ${bytes} bytes`,
    );
  }
}
