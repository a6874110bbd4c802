/**
 * The durable stage queue: opens a state as an owner, or only for reading. See queue/README.md.
 */

import { existsSync } from 'node:fs';
import type { Backend, Host, QueueView, StageName, Tx } from './backend.js';
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
import { SqliteView } from './sqlite/view.js';
import { wakeAll } from './sqlite/wake.js';

export * from './backend.js';
export { outcomeOfThrown, type Run, type Settle } from './dispatch/batch.js';
// dispatch/dispatcher.ts is imported by its own path: only processes that claim need better-queue, and loading it takes
// a tenth of the time of a queue-stat.
export type { Dispatcher, DispatcherOptions } from './dispatch/dispatcher.js';
export { QueueError, type QueueErrorCode, StateUnwritable } from './errors.js';
export { limits } from './limits.js';
export { jobsOfSlot, type ThreadJob } from './slot-text.js';
export { checkPages, fileVersion } from './sqlite/check.js';
export type { Module } from './sqlite/migrations.js';
export { Rows } from './sqlite/rows.js';
export { openTables, type Tables, type TablesOptions } from './sqlite/tables.js';
export { STATES, type State, TRANSITIONS } from './states.js';
export { firstUlid, msOfUlid, ulidFactory } from './ulid.js';

export interface ViewOptions {
  /** The database. Its companion files are beside it (`-wal`, `-shm`, `.owners`, `.doorbell`). */
  path: string;
  host: Host;
  /** In order: a job is enqueued for the first stage, and `advance` leads to the next. */
  stages: readonly StageName[];
  /**
   * The caller's own tables, migrated together with the queue's. Every process that opens a state must pass the same.
   */
  modules?: readonly Module[];
  /** Replaces the boot clock (ms) in tests. */
  now?: () => number;
}

export interface QueueOptions extends ViewOptions {
  /** Names this process for people. */
  title: string;
  /** The number of `retry` outcomes in a stage after which a job is held. */
  maxAttempts: number;
  /** The stage that `advance` leads a job of that feed to. Default: the next of `stages`. */
  next?: (feed: string, stage: StageName) => StageName | undefined;
  /** True: creates a state if there is none. Default true. */
  create?: boolean;
  /** The UUID of a new state that replaces a lost one. Default: a new UUID. */
  uuid?: string;
  /**
   * Called if no other process uses the state and it is not as the last owner left it: an owner died, or something else
   * wrote to it. Runs in the transaction in which this process becomes an owner.
   */
  onUnclean?: (tx: Tx) => void;
  /** True: the death of an owner with that title is counted and returned by `rescue`. Default: each. */
  isMissed?: (title: string) => boolean;
  /** Called before the state is migrated, by this process or another one that it waits for. A large state takes minutes. */
  onMigration?: () => void;
  /** The page cache of this connection in KiB, for a process that must stay small. Default: see pragmas.ts. */
  cacheKib?: number;
}

const ownersPath = (path: string) => `${path}.owners`;
/** A few bytes in the lock file, for data that the processes of a state share outside of transactions. */
export const spareSpot = (path: string): { path: string; at: number; lock: number } => ({
  path: ownersPath(path),
  ...SPARE,
});

const doorbellPath = (path: string) => `${path}.doorbell`;

/**
 * Opens a state as an owner; creates or migrates it if needed. Errors: QueueError, with the exit code for a command.
 */
export async function openQueue(options: QueueOptions): Promise<Backend> {
  const { path, host, create = true } = options;
  let owners: Owners | undefined;
  let opened: Opened | undefined;
  try {
    if (!create) refuseMissing(path);
    owners = new Owners(host, ownersPath(path));
    const isUnclean = await owners.enter(() => fileVersion(path), options.onMigration); // before anything here writes to it
    opened = await openDatabase(path, {
      modules: allModules(options.modules ?? []),
      create,
      uuid: options.uuid,
      onMigration: options.onMigration,
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
  const { path, host, stages, maxAttempts, cacheKib, isMissed = () => true } = options;
  const next = options.next ?? ((_feed, stage) => stages[stages.indexOf(stage) + 1]);
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
    const parts = { opened, rows, clock, stages, owners, owner, committer, doorbell, maxAttempts, next, isMissed };
    return new SqliteBackend(parts);
  } catch (error) {
    doorbell.close();
    throw error;
  }
}

/** Opens a state for reading: writes nothing, and works while everything else is down. */
export async function openQueueView(options: ViewOptions): Promise<QueueView> {
  const { path, host, stages } = options;
  const opened = openForReading(path, allModules(options.modules ?? []));
  const owners = existsSync(ownersPath(path)) ? new Owners(host, ownersPath(path), { forReading: true }) : undefined;
  return new SqliteView({ opened, rows: new Rows(opened.db), clock: clockOf(host, options.now), stages, owners });
}

/** Copies one moment of a state, even of one in use, then checks it. `to`: an empty file. Errors: QueueError. */
export function copyQueue(
  from: string,
  to: string,
  { modules = [], onCopied }: { modules?: readonly Module[]; onCopied?: (() => void) | undefined } = {},
): void {
  copyWhole(from, to, allModules(modules), { onCopied });
}

/** Copies a state that is older than later changes (sqlite/copy.ts), including the tables of its modules. */
export function copyOlderQueue(from: string, to: string, modules: readonly Module[] = []): void {
  copyOlder(from, to, allModules(modules));
}

function afterCommit(made: SqliteTx, doorbell: Doorbell, goOnWaking: () => void): void {
  if (made.madeReady || made.madeDueLater) doorbell.notifyHere();
  if (made.madeReady) doorbell.ring();
  // If a wake fails here, the next rescue() of any process continues it.
  if (made.wakesAsked) goOnWaking();
}

type Owning = Omit<QueueOptions, 'onUnclean'> & { onUnclean?: QueueOptions['onUnclean'] | undefined };

/** Takes a new id whose slot is free, locks the slot, and then stores the id in the database. */
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
