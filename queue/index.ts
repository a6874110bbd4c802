/**
 * The durable stage queue: opens a state as one owner, or only to look at it. queue/README.md explains the rest.
 */

import { existsSync } from 'node:fs';
import type { Backend, Host, StageName, Tx } from './backend.js';
import { type Clock, clockOf } from './clock.js';
import { QueueError } from './errors.js';
import { limits } from './limits.js';
import { Owners, SPARE } from './owners.js';
import { SqliteBackend } from './sqlite/backend.js';
import { fileVersion } from './sqlite/check.js';
import { Committer } from './sqlite/commit.js';
import { copyOlder, copyWhole } from './sqlite/copy.js';
import { Doorbell } from './sqlite/doorbell.js';
import { adoptEpoch } from './sqlite/epoch.js';
import { allModules, type Module } from './sqlite/migrations.js';
import {
  fileIdOf,
  giveToOwner,
  type Opened,
  openDatabase,
  openError,
  openForReading,
  refuseMissing,
} from './sqlite/open.js';
import { setCache } from './sqlite/pragmas.js';
import { Rows } from './sqlite/rows.js';
import { SqliteTx } from './sqlite/tx.js';
import { type QueueView, SqliteView } from './sqlite/view.js';
import { wakeAll } from './sqlite/wake.js';

export * from './backend.js';
export type { Run, Settle } from './dispatch/batch.js';
// dispatch/dispatcher.ts is loaded by its own name: only who claims needs better-queue, and loading it takes a tenth of a look.
export type { Dispatcher, DispatcherOptions } from './dispatch/dispatcher.js';
export { QueueError, type QueueErrorCode, StateUnwritable } from './errors.js';
export { limits } from './limits.js';
export { type Hand, inHandOf } from './slot-text.js';
export { checkPages, fileVersion } from './sqlite/check.js';
export type { Module } from './sqlite/migrations.js';
export { openTables, type Tables, type TablesOptions } from './sqlite/tables.js';
export type { QueueView } from './sqlite/view.js';
export { STATES, type State, TRANSITIONS } from './states.js';
export { ulidFactory } from './ulid.js';

export interface ViewOptions {
  /** The database; its companions lie beside it (`-wal`, `-shm`, `.owners`, `.doorbell`). */
  path: string;
  host: Host;
  /** In their order: a job is enqueued for the first, `advance` leads to the next. */
  stages: readonly StageName[];
  /** The caller's own tables, migrated together with the queue's. Every opener of a state names the same. */
  modules?: readonly Module[];
  /** Replaces the boot clock (ms), for tests. */
  now?: () => number;
}

export interface QueueOptions extends ViewOptions {
  /** For people: what this process is. */
  title: string;
  /** Answers `retry` of a stage after which a job is held. */
  maxAttempts: number;
  /** Makes a state where there is none. Default true. */
  create?: boolean;
  /** What a new state is identified by, where it stands in for a lost one. Default: a new UUID. */
  uuid?: string;
  /**
   * Called in the transaction in which this process enters a state that nobody is in, where it is not as the last owner
   * left it: somebody died, or another hand wrote to it.
   */
  onUnclean?: (tx: Tx) => void;
  /** Page cache of this connection; for a process that must stay small. Default: pragmas.ts. */
  cacheKib?: number;
}

const ownersPath = (path: string) => `${path}.owners`;
/** For what the processes of a state share and no transaction need see: in the file of the locks. */
export const spareSpot = (path: string): { path: string; at: number; lock: number } => ({
  path: ownersPath(path),
  ...SPARE,
});

const doorbellPath = (path: string) => `${path}.doorbell`;

/** Opens (and makes, and migrates) a state as one owner. Errors: QueueError, with the exit code that it should lead to. */
export async function openQueue(options: QueueOptions): Promise<Backend> {
  const { path, host, create = true } = options;
  let owners: Owners | undefined;
  let opened: Opened | undefined;
  try {
    if (!create) refuseMissing(path);
    owners = new Owners(host, ownersPath(path));
    const isUnclean = await owners.enter(() => fileVersion(path)); // before anything here writes to it
    opened = await openDatabase(path, {
      modules: allModules(options.modules ?? []),
      create,
      uuid: options.uuid,
      openLocks: () => host.openLockFile(ownersPath(path)),
    });
    return await openAsOwner({ ...options, ...(!isUnclean && { onUnclean: undefined }) }, opened, owners);
  } catch (error) {
    opened?.db.close();
    owners?.close();
    throw openError(error, path);
  }
}

async function openAsOwner(options: Owning, opened: Opened, owners: Owners): Promise<Backend> {
  const { path, host, stages, maxAttempts, cacheKib } = options;
  if (cacheKib !== undefined) setCache(opened.db, cacheKib);
  opened.locks = { path: ownersPath(path), fileId: fileIdOf(ownersPath(path)) };
  const clock = clockOf(host, options.now);
  const rows = new Rows(opened.db);
  const doorbell = new Doorbell(host, doorbellPath(path), () => rows.pragma('data_version'));
  try {
    for (const made of [ownersPath(path), doorbellPath(path)]) giveToOwner(made, path);
    const committer: Committer = new Committer(rows, new SqliteTx(opened.db, path), clock, opened, (made) =>
      afterCommit(made, doorbell, () => void wakeAll(committer).catch(() => {})),
    );
    const owner = await becomeOwner(options, committer, owners, clock);
    return new SqliteBackend({ opened, rows, clock, stages, owners, owner, committer, doorbell, maxAttempts });
  } catch (error) {
    doorbell.close();
    throw error;
  }
}

/** Opens a state to look at it: writes nothing, works with everything else down. */
export async function openQueueView(options: ViewOptions): Promise<QueueView> {
  const { path, host, stages } = options;
  const opened = openForReading(path, allModules(options.modules ?? []));
  const owners = existsSync(ownersPath(path)) ? new Owners(host, ownersPath(path)) : undefined;
  return new SqliteView({ opened, rows: new Rows(opened.db), clock: clockOf(host, options.now), stages, owners });
}

/** One moment of a state, also of one in use. Errors: QueueError. `to`: an empty file. */
export function copyQueue(from: string, to: string, modules: readonly Module[] = []): void {
  copyWhole(from, to, allModules(modules));
}

/** A copy of a state that is older than what happened since (sqlite/copy.ts). Its modules' tables come with it. */
export function copyOlderQueue(from: string, to: string, modules: readonly Module[] = []): void {
  copyOlder(from, to, allModules(modules));
}

function afterCommit(made: SqliteTx, doorbell: Doorbell, goOnWaking: () => void): void {
  if (made.madeReady || made.madeDueLater) doorbell.notifyHere();
  if (made.madeReady) doorbell.ring();
  // A wake that fails here is gone on with by the next rescue(), of this process or another.
  if (made.wakesAsked) goOnWaking();
}

type Owning = Omit<QueueOptions, 'onUnclean'> & { onUnclean?: QueueOptions['onUnclean'] | undefined };

/** Takes a never-used id whose slot is free, locks it, and only then makes it known. */
async function becomeOwner(
  { title, path, onUnclean }: Owning,
  committer: Committer,
  owners: Owners,
  clock: Clock,
): Promise<number> {
  for (let tries = 0; tries < limits.ownersMax; tries++) {
    const answer = await committer.submit((tx) => {
      const refused = adoptEpoch(tx, clock.epoch, owners, path);
      if (refused) throw refused;
      return tx.get<{ value: number }>(
        "UPDATE meta SET value = value + 1 WHERE name = 'next_owner' RETURNING value - 1 AS value",
      )!;
    });
    if (!owners.tryBecome(answer.value, title, clock.nowMs())) continue;
    await committer.submit((tx) => {
      onUnclean?.(tx);
      tx.run('INSERT INTO owners VALUES (?, ?, ?)', answer.value, title, tx.wallMs);
    });
    owners.entered();
    return answer.value;
  }
  throw new QueueError(
    'state_too_many_owners',
    `${path} is in use by ${limits.ownersMax} processes, which is the limit: end some of them.`,
  );
}
