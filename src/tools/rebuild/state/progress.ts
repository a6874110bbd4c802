/**
 * The state that a rebuild makes, and the tables that it needs meanwhile.
 * Guarantees: a rebuild that was killed leaves what was there; the next one begins again.
 */
import type { Backend, Tx } from '../../../../queue/backend.js';
import { fileVersion } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { EnvironmentError } from '../../../base/errors.js';
import { typed } from '../../../base/shell.js';
import { copyOlderState, openState } from '../../../ingest/ledger/open-state.js';
import { followMoved, type MovedRoot, movedRoots } from '../../../ingest/upkeep/follow-moved.js';
import { type Asked, type Before, isDamaged, makingPath, removeMaking } from './place.js';

/** KiB: the page cache of a process that reads everything once. */
const CACHE_KIB = 8 * 1_024;

const TABLES = {
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
  // The row numbers for the outputs of lines that were taken back.
  givenUp: 'CREATE TABLE rebuild_given_up (job TEXT PRIMARY KEY, content INTEGER) WITHOUT ROWID',
};

export interface Making {
  backend: Backend;
  /** Ledger rows up to this number were in the older state; 0 if there was none. */
  olderRows: number;
  before: Before;
  /** The last moment that the older state knows, wall-clock ms. */
  since: number | undefined;
  moved: readonly MovedRoot[];
  /** The version of the file at the path of the state. */
  version: string;
}

/** Removes the files of an earlier rebuild that was killed. */
export async function openMaking(asked: Asked, judged: Before): Promise<Making> {
  const { statePath, feeds } = asked;
  removeMaking(statePath);
  const version = fileVersion(statePath);
  const before = judged === 'older' && copied(statePath) ? 'older' : 'none';
  const backend = await open(asked);
  try {
    const moved = movedRoots(backend, feeds);
    const { last, at } = backend.read(
      (r) =>
        r.get<{ last: number | null; at: number | null }>(
          'SELECT max(row) AS last, max(updated_at_ms) AS at FROM contents',
        )!,
    );
    const inState = backend.feeds().map(({ name }) => name);
    await backend.transact((tx) => {
      for (const sql of Object.values(TABLES)) tx.run(sql);
      followMoved(tx, moved, inState);
      forgetEnds(tx, feeds);
    });
    return { backend, olderRows: last ?? 0, before, since: at ?? undefined, moved, version };
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

/** Deletes the older state's ends of manifests: they are read again, and a manifest that is gone must have no end. */
function forgetEnds(tx: Tx, feeds: readonly FeedOptions[]): void {
  for (const { manifests } of feeds) {
    tx.run('DELETE FROM manifest_ends WHERE substr(file, 1, ?) = ?', manifests.length + 1, `${manifests}/`);
  }
}

/** Called immediately before the state gets its name. Errors: EnvironmentError if a process wrote to the older state meanwhile. */
export function refuseChanged({ version }: Making, statePath: string): void {
  if (fileVersion(statePath) === version) return;
  throw new EnvironmentError(
    'state_in_use',
    `${statePath} was changed while it was rebuilt: stop every command on this state, then run ${typed('ingest-ctl rebuild')} again.`,
  );
}

export async function endMaking({ backend }: Making): Promise<void> {
  await backend.rescue(); // Removes the owners of the older state.
  await backend.transact((tx) => {
    for (const { name } of tx.all<{ name: string }>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'rebuild_*'",
    ))
      tx.run(`DROP TABLE ${name}`);
  });
}

/** Whether this rebuild has decided about a job. */
export const isSettled = (tx: Tx, job: string): boolean =>
  tx.get('SELECT 1 FROM rebuild_settled WHERE job = ?', job) !== undefined;

export const settle = (tx: Tx, job: string): void =>
  void tx.run('INSERT OR IGNORE INTO rebuild_settled VALUES (?)', job);
