/**
 * The progress of a rebuild, recorded in the new state, so that an interrupted rebuild can go on.
 * Guarantees: lines and the record of their entry are one transaction, so no line is entered twice or left out. A rebuild goes on
 * only if it began with the same feeds and older state, and if its manifests are as they were read.
 * Does not: outlive the rebuild. The finished state has none of these tables.
 */
import { statSync } from 'node:fs';
import type { Backend, Reader, Tx } from '../../../../queue/backend.js';
import { fileVersion } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { EnvironmentError, OperatorError } from '../../../base/errors.js';
import { typed } from '../../../base/shell.js';
import { copyOlderState, openState } from '../../../ingest/ledger/open-state.js';
import { followMoved, type MovedRoot, movedRoots } from './moved.js';
import { type Before, isDamaged, makingPath, removeMaking } from './place.js';

/** A version. Raise it when the tables of the progress or the entry of lines change. */
const FORMAT = 3;
/** KiB: the page cache of a process that reads everything once. */
const CACHE_KIB = 8 * 1_024;

const TABLES = {
  progress: 'CREATE TABLE rebuild_progress (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID',
  files:
    'CREATE TABLE rebuild_files (feed TEXT, path TEXT, identity TEXT, read_to INTEGER, end_at INTEGER, PRIMARY KEY (feed, path)) WITHOUT ROWID',
  sealed:
    'CREATE TABLE rebuild_sealed (feed TEXT, job TEXT, part TEXT, key BLOB, inside TEXT, sha256 BLOB, identity TEXT, size INTEGER, facts TEXT, PRIMARY KEY (feed, job, part)) WITHOUT ROWID',
  byHash: 'CREATE INDEX rebuild_sealed_by_hash ON rebuild_sealed (feed, sha256, job)',
  withdrawn: 'CREATE TABLE rebuild_withdrawn (feed TEXT, job TEXT, PRIMARY KEY (feed, job)) WITHOUT ROWID',
  takenOut:
    'CREATE TABLE rebuild_taken_out (feed TEXT, ingest_id TEXT, who TEXT, why TEXT, at_ms INTEGER, PRIMARY KEY (feed, ingest_id)) WITHOUT ROWID',
  // Every line that names a path in a warehouse.
  paths:
    // `n`: 0 is the file of the line, the others are its outputs; `sha256` is of that file, `content` of the line's
    `CREATE TABLE rebuild_paths (path TEXT, feed TEXT, ingest_id TEXT, n INTEGER, sha256 BLOB, content BLOB, generation INTEGER,
       at_ms INTEGER, PRIMARY KEY (path, sha256, feed, ingest_id)) WITHOUT ROWID`,
  // Jobs that this rebuild has decided about.
  settled: 'CREATE TABLE rebuild_settled (job TEXT PRIMARY KEY) WITHOUT ROWID',
};

export interface Making {
  backend: Backend;
  /** Ledger rows up to this number were in the older state; 0 if there was none. */
  olderRows: number;
  /** True if it continues an interrupted rebuild. */
  goesOn: boolean;
  before: Before;
  /** The last moment that the older state knows, wall-clock ms. */
  since: number | undefined;
  moved: readonly MovedRoot[];
}

export interface Asked {
  statePath: string;
  feeds: readonly FeedOptions[];
  uuid: string | undefined;
  before: Before;
  maxAttempts: number;
}

/** Opens the state of an interrupted rebuild, or a new one. */
export async function openMaking(asked: Asked): Promise<Making> {
  const begun = await goOn(asked);
  if (begun) return begun;
  removeMaking(asked.statePath);
  const before = asked.before === 'older' && copied(asked.statePath) ? 'older' : 'none';
  const backend = await open(asked);
  try {
    const of = beginning(asked);
    const moved = movedRoots(backend, asked.feeds);
    await backend.transact((tx) => {
      for (const sql of Object.values(TABLES)) tx.run(sql);
      const { last, at } = tx.get<{ last: number | null; at: number | null }>(
        'SELECT max(row) AS last, max(updated_at_ms) AS at FROM contents',
      )!;
      note(tx, 'since', String(at ?? ''));
      note(tx, 'older', before === 'older' ? String(last ?? 0) : 'none');
      followMoved(tx, moved);
      note(tx, 'moved', JSON.stringify(moved));
      forgetEnds(tx, asked.feeds);
      note(tx, 'of', of);
    });
    return asNoted(backend, false);
  } catch (error) {
    await backend.close();
    throw error;
  }
}

const open = ({ statePath, uuid, maxAttempts }: Asked): Promise<Backend> =>
  openState({
    statePath: makingPath(statePath),
    title: 'rebuild',
    maxAttempts,
    cacheKib: CACHE_KIB,
    ...(uuid !== undefined && { uuid }),
  });

/** False if it is damaged. Nothing of it is kept then. */
function copied(statePath: string): boolean {
  try {
    copyOlderState(statePath, makingPath(statePath));
    return true;
  } catch (error) {
    if (!isDamaged(error)) throw error;
    removeMaking(statePath);
    return false;
  }
}

async function goOn(asked: Asked): Promise<Making | undefined> {
  if (statSync(makingPath(asked.statePath), { throwIfNoEntry: false }) === undefined) return undefined;
  let backend: Backend;
  try {
    backend = await open(asked);
  } catch (error) {
    if (!(error instanceof OperatorError)) throw error;
    return undefined; // Interrupted while it was copied.
  }
  if (isBegun(backend) && noted(backend, 'of') === beginning(asked) && filesAreAsRead(backend)) {
    return asNoted(backend, true);
  }
  await backend.close();
  return undefined;
}

function asNoted(backend: Backend, goesOn: boolean): Making {
  const older = noted(backend, 'older')!;
  const since = Number(noted(backend, 'since')) || undefined;
  const moved = JSON.parse(noted(backend, 'moved')!) as MovedRoot[];
  return { backend, goesOn, olderRows: Number(older) || 0, before: older === 'none' ? 'none' : 'older', since, moved };
}

const isBegun = (backend: Backend): boolean =>
  backend.read((r) => r.get("SELECT 1 FROM sqlite_schema WHERE name = 'rebuild_progress'")) !== undefined;

const beginning = ({ statePath, feeds, uuid, before }: Asked): string =>
  JSON.stringify({ FORMAT, statePath, feeds, uuid, before, state: fileVersion(statePath) });

/** Deletes the older state's ends of manifests: they are read again, and a manifest that is gone must have no end. */
function forgetEnds(tx: Tx, feeds: readonly FeedOptions[]): void {
  for (const { manifests } of feeds) {
    tx.run('DELETE FROM manifest_ends WHERE substr(file, 1, ?) = ?', manifests.length + 1, `${manifests}/`);
  }
}

/** Called before the state gets its name. Errors: EnvironmentError if a process wrote to the older state meanwhile. */
export async function endMaking(backend: Backend, asked: Asked): Promise<void> {
  if (noted(backend, 'of') !== beginning(asked)) {
    throw new EnvironmentError(
      'state_in_use',
      `${asked.statePath} was changed while it was rebuilt: stop every command on this state, then run ${typed('ingest-ctl rebuild')} again.`,
    );
  }
  await backend.rescue(); // Removes the owners of interrupted rebuilds.
  await backend.transact((tx) => {
    for (const { name } of tx.all<{ name: string }>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'rebuild_*'",
    ))
      tx.run(`DROP TABLE ${name}`);
  });
}

export const note = (tx: Tx, name: string, value: string): void =>
  void tx.run('INSERT OR REPLACE INTO rebuild_progress VALUES (?, ?)', name, value);

export const noted = (backend: Pick<Backend, 'read'>, name: string): string | undefined =>
  backend.read((reader) => notedIn(reader, name));

export const notedIn = (reader: Reader, name: string): string | undefined =>
  reader.get<{ value: string }>('SELECT value FROM rebuild_progress WHERE name = ?', name)?.value;

/** The entered part of a manifest. */
export interface ReadTo {
  /** An offset in the unpacked bytes; 'all': up to their end. */
  to: number | 'all';
  /** The offset after the last whole record. */
  end: number;
}

export function readTo(backend: Backend, feed: string, path: string): ReadTo {
  const row = backend.read((r) =>
    r.get<{ to: number | null; end: number }>(
      'SELECT read_to AS "to", end_at AS "end" FROM rebuild_files WHERE feed = ? AND path = ?',
      ...[feed, path],
    ),
  );
  return row ? { to: row.to ?? 'all', end: row.end } : { to: 0, end: 0 };
}

/** Called in the transaction that enters the lines. */
export function noteRead(tx: Tx, feed: string, path: string, identity: string, { to, end }: ReadTo): void {
  const at = to === 'all' ? null : to;
  tx.run('INSERT OR REPLACE INTO rebuild_files VALUES (?, ?, ?, ?, ?)', feed, path, identity, at, end);
}

export const identityAt = (path: string): string => {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}` : 'none';
};

const filesAreAsRead = (backend: Backend): boolean =>
  backend
    .read((r) => r.all<{ path: string; identity: string }>('SELECT path, identity FROM rebuild_files'))
    .every(({ path, identity }) => identityAt(path) === identity);

/** Whether this rebuild has decided about a job. */
export const isSettled = (tx: Tx, job: string): boolean =>
  tx.get('SELECT 1 FROM rebuild_settled WHERE job = ?', job) !== undefined;

export const settle = (tx: Tx, job: string): void =>
  void tx.run('INSERT OR IGNORE INTO rebuild_settled VALUES (?)', job);
