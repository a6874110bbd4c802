/**
 * The state file during a rebuild: the file at its path now, the new one beside it, and the replacement of the one by the other.
 * Guarantees: the file that is there is moved aside, never changed or removed; one of an older build is migrated first, and its backup
 * stays beside it. The new one gets its name when it is whole, and no `-wal` of another database is beside it then.
 */
import { chownSync, existsSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { checkPages, type QueueView } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { EnvironmentError, OperatorError } from '../../../base/errors.js';
import { typed } from '../../../base/shell.js';
import { allRoots } from '../../../ingest/files/recorded-roots.js';
import { asOperators, openState, openStateView } from '../../../ingest/ledger/open-state.js';
import { type MovedRoot, movedRoots } from '../../../ingest/upkeep/follow-moved.js';
import { lockRootsAlone } from '../../../ingest/upkeep/root-locks.js';
import type { SharedLockFile } from '../../../linux/index.js';
import { move, sync } from '../../backup/state-file.js';

const COMPANIONS = ['-wal', '-shm'];
/** The companion files of the new state, locks and doorbell included. No process uses them. */
const MAKING_COMPANIONS = ['', ...COMPANIONS, '-journal', '.owners', '.doorbell'];

export const makingPath = (statePath: string): string => `${statePath}.rebuilding`;
/** The new state from when it is whole until it has the path: a rebuild that is killed meanwhile is ended by the next one. */
const wholePath = (statePath: string): string => `${statePath}.rebuilt`;

/** The file at the path: not usable (missing, damaged, never used), or a state whose knowledge is taken over. It may be of just now. */
export type Before = 'none' | 'older';

export interface Judged {
  before: Before;
  /** Locks on the roots of feeds that were not named, so that no process writes into the state that is copied. */
  locks: SharedLockFile[];
  /** By the path of a warehouse: the id of its marker, where the file at the path knows it. */
  warehouses: ReadonlyMap<string, string>;
}

const NONE: Judged = { before: 'none', locks: [], warehouses: new Map() };

/** `uuid`: of the state that the markers of the feeds name. */
export interface Asked {
  statePath: string;
  feeds: readonly FeedOptions[];
  uuid: string | undefined;
  maxAttempts: number;
}

/** Errors: EnvironmentError if the state is in use, or belongs to other folders. */
export async function judgeState(asked: Asked): Promise<Judged> {
  const { statePath, feeds, uuid } = asked;
  if (!existsSync(statePath)) return NONE;
  let view: QueueView;
  try {
    view = await openMigrated(asked);
  } catch (error) {
    if (isDamaged(error)) return NONE;
    throw error;
  }
  const locks = lockRootsAlone(rootsOfOthers(view, feeds));
  try {
    return { before: judgeView(view, statePath, feeds, uuid), locks, warehouses: warehousesIn(view) };
  } catch (error) {
    if (isDamaged(asOperators(error))) return { ...NONE, locks };
    for (const lock of locks) lock.close();
    throw error;
  } finally {
    await view.close();
  }
}

/** A backup of an older build comes back after an update: it is migrated as by a start, which is refused before a rebuild. */
async function openMigrated({ statePath, maxAttempts }: Asked): Promise<QueueView> {
  try {
    return await openStateView(statePath);
  } catch (error) {
    if (!(error instanceof OperatorError) || error.code !== 'older_database') throw error;
    const backend = await openState({ statePath, title: 'rebuild', maxAttempts, create: false });
    await backend.close();
    return openStateView(statePath);
  }
}

export const isDamaged = (error: unknown): boolean =>
  error instanceof OperatorError && ['state_not_a_database', 'state_unusable'].includes(error.code);

const ofOthers = (feeds: readonly FeedOptions[], feed: string): boolean => !feeds.some(({ name }) => name === feed);

const rootsOfOthers = (view: QueueView, feeds: readonly FeedOptions[]): string[] =>
  allRoots(view)
    .filter(({ kind }) => kind === 'work' || kind === 'manifests')
    .filter(({ feed, path }) => ofOthers(feeds, feed) && !feeds.some((f) => f.manifests === path || f.workDir === path))
    .map(({ path }) => path);

function warehousesIn(view: QueueView): Map<string, string> {
  const marked = allRoots(view).filter(({ kind, marker }) => kind === 'warehouse' && marker !== null);
  return new Map(marked.map(({ path, marker }) => [path, marker!]));
}

function judgeView(
  view: QueueView,
  statePath: string,
  feeds: readonly FeedOptions[],
  uuid: string | undefined,
): Before {
  const living = view.owners().find(({ alive }) => alive);
  if (living) {
    throw new EnvironmentError(
      'state_in_use',
      `${statePath} is in use by ${living.title} (pid ${living.pid}): stop every process of this state, then run ${typed('ingest-ctl rebuild')} again.`,
    );
  }
  if (uuid !== undefined && view.uuid !== uuid) {
    if (isUnused(view)) return 'none';
    throw new EnvironmentError(
      'second_state',
      `${statePath} is a state of other folders than the feeds that were named: name its own feeds, or another --state-path for these.`,
    );
  }
  checkPages(statePath);
  refuseHalfOfShared(view, statePath, feeds, movedRoots(view, feeds));
  return 'older';
}

/** Feeds that are not named stay as in the older state. They must not share manifests with named ones, whose ends would count as read. */
function refuseHalfOfShared(
  view: QueueView,
  statePath: string,
  feeds: readonly FeedOptions[],
  moved: readonly MovedRoot[],
): void {
  // A feed that was retired is checked from the beginning if it comes back.
  const served = new Set(view.feeds().map(({ name }) => name));
  const named = [...feeds.map(({ manifests }) => manifests), ...moved.map(({ from }) => from)];
  const shared = allRoots(view)
    .filter(({ kind, path }) => kind === 'manifests' && named.includes(path))
    .filter(({ feed }) => served.has(feed) && ofOthers(feeds, feed));
  if (shared.length === 0) return;
  const names = [...new Set(shared.map(({ feed }) => feed))].join(', ');
  throw new EnvironmentError(
    'feeds_missing',
    `${statePath} also knows ${names}, with the same manifests, and what is not named is not read from them: name all of these feeds (--config).`,
  );
}

/** Whether the state is empty, as a refused start leaves it. */
const isUnused = (view: QueueView): boolean =>
  ['contents', 'jobs'].every((table) => !view.read((r) => r.get(`SELECT 1 FROM ${table} LIMIT 1`)));

/** Removes the state of an earlier rebuild that was interrupted. */
export function removeMaking(statePath: string): void {
  for (const companion of MAKING_COMPANIONS) rmSync(makingPath(statePath) + companion, { force: true });
}

/** Renames the new state to its path. Returns the new path of an older one. Errors: EnvironmentError `state_full`. */
export function placeState(statePath: string, owner: { uid: number; gid: number } | undefined): string | undefined {
  const making = makingPath(statePath);
  refuseHalfWritten(statePath);
  const before = statSync(statePath, { throwIfNoEntry: false });
  const to = before ?? owner;
  if (process.geteuid?.() === 0 && to) chownSync(making, to.uid, to.gid);

  move(making, wholePath(statePath));
  sync(dirname(statePath));
  const aside = replace(statePath);
  removeMaking(statePath);
  return before && aside;
}

/** Returns where the file that was at the path is now. */
function replace(statePath: string): string {
  const aside = freeAside(statePath);
  for (const companion of ['', ...COMPANIONS]) {
    if (existsSync(statePath + companion)) move(statePath + companion, aside + companion);
  }
  move(wholePath(statePath), statePath);
  sync(dirname(statePath));
  return aside;
}

/**
 * Gives the path to the state that a killed rebuild had made whole. Returns whether there is one: then nothing at the path knows
 * what it knows. Where the older state is still at the path, it may have gone on since, and the other one is removed.
 */
export function endPlacing(statePath: string, before: Before): boolean {
  if (!existsSync(wholePath(statePath))) return false;
  if (before === 'older') rmSync(wholePath(statePath));
  else replace(statePath);
  return before !== 'older';
}

/** A name with the time to the second, and a number because two rebuilds may end within one second. */
function freeAside(statePath: string): string {
  const stamp = new Date(Date.now()).toISOString().replace(/[-:]|\.\d+/g, '');
  for (let n = 1; ; n++) {
    const aside = `${statePath}.before-rebuild-${stamp}${n === 1 ? '' : `-${n}`}`;
    if (['', ...COMPANIONS].every((companion) => !existsSync(aside + companion))) return aside;
  }
}

/** If the log could not be written back at the close, the main file alone is not the whole state. */
function refuseHalfWritten(statePath: string): void {
  const log = statSync(`${makingPath(statePath)}-wal`, { throwIfNoEntry: false });
  if (log !== undefined && log.size > 0) {
    throw new EnvironmentError(
      'state_full',
      `the new state could not be written as a whole beside ${statePath}, as happens where the disk is full: free some space there and run ${typed('ingest-ctl rebuild')} again; nothing was changed.`,
    );
  }
  sync(makingPath(statePath));
}
