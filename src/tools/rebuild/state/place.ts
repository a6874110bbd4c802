/**
 * The state file around a rebuild: what lies at its path now, the new one in the making beside it, and the change from
 * the one to the other.
 * Guarantees: a state that knows its manifests is never touched; an older or damaged one is moved aside, never removed;
 * the new one appears under its name when it is whole, and no `-wal` of another database lies beside it then.
 */
import { chownSync, existsSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { checkPages, type QueueView } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { EnvironmentError, OperatorError } from '../../../base/errors.js';
import { asOperators, openStateView } from '../../../ingest/ledger/open-state.js';
import { lockRootsAlone } from '../../../ingest/roots/root-locks.js';
import { checkManifestsKnown } from '../../../ingest/upkeep/check-manifests.js';
import type { SharedLockFile } from '../../../linux/index.js';
import { move, sync } from '../../backup/state-file.js';
import { isBehind } from './behind.js';
import { type MovedRoot, movedRoots } from './moved.js';

const COMPANIONS = ['-wal', '-shm'];
/** The companions of the state in the making, its locks and doorbell too: nobody uses them. */
const MAKING_COMPANIONS = ['', ...COMPANIONS, '-journal', '.owners', '.doorbell'];

export const makingPath = (statePath: string): string => `${statePath}.rebuilding`;

/** What lies at the path: nothing that can be used (missing, damaged, never used), or a state that the disk is ahead of, or whose roots were moved. */
export type Before = 'none' | 'older';

export interface Judged {
  before: Before;
  /** On the roots of feeds that were not named: nobody may write into the state that is copied. */
  locks: SharedLockFile[];
}

/** Errors: EnvironmentError where it is in use, another's, or as it should be. */
export async function judgeState(statePath: string, feeds: readonly FeedOptions[], uuid?: string): Promise<Judged> {
  if (!existsSync(statePath)) return { before: 'none', locks: [] };
  let view: QueueView;
  try {
    view = await openStateView(statePath);
  } catch (error) {
    if (isDamaged(error)) return { before: 'none', locks: [] };
    throw error;
  }
  const locks = lockRootsAlone(rootsOfOthers(view, feeds));
  try {
    return { before: await judgeView(view, statePath, feeds, uuid), locks };
  } catch (error) {
    if (isDamaged(asOperators(error))) return { before: 'none', locks };
    for (const lock of locks) lock.close();
    throw error;
  } finally {
    await view.close();
  }
}

export const isDamaged = (error: unknown): boolean =>
  error instanceof OperatorError && ['state_not_a_database', 'state_unusable'].includes(error.code);

const ofOthers = (feeds: readonly FeedOptions[], feed: string): boolean => !feeds.some(({ name }) => name === feed);

const rootsOfOthers = (view: QueueView, feeds: readonly FeedOptions[]): string[] =>
  view
    .read((r) =>
      r.all<{ feed: string; path: string }>("SELECT feed, path FROM roots WHERE kind IN ('work', 'manifests')"),
    )
    .filter(({ feed, path }) => ofOthers(feeds, feed) && !feeds.some((f) => f.manifests === path || f.workDir === path))
    .map(({ path }) => path);

async function judgeView(
  view: QueueView,
  statePath: string,
  feeds: readonly FeedOptions[],
  uuid: string | undefined,
): Promise<Before> {
  const living = view.owners().find(({ alive }) => alive);
  if (living) {
    throw new EnvironmentError(
      'state_in_use',
      `${statePath} is in use by ${living.title} (pid ${living.pid}): stop every process of this state, then run ingest-ctl rebuild again.`,
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
  const moved = movedRoots(view, feeds);
  const older = (): Before => {
    refuseHalfOfShared(view, statePath, feeds, moved);
    return 'older';
  };
  try {
    for (const feed of feeds) await checkManifestsKnown(view, feed);
    if (moved.length > 0 || feeds.some(({ name }) => isBehind(view, name))) return older();
  } catch (error) {
    if (!(error instanceof OperatorError && error.code === 'state_older_than_manifests')) throw error;
    return older();
  }
  throw new EnvironmentError(
    'state_good',
    `${statePath} is there and knows what the manifests say, so nothing has to be rebuilt: start ingest. To rebuild it all the same, move it away by hand first.`,
  );
}

/** Feeds that are not named stay as the older state has them; but the ends of manifests that they share would pass for read. */
function refuseHalfOfShared(
  view: QueueView,
  statePath: string,
  feeds: readonly FeedOptions[],
  moved: readonly MovedRoot[],
): void {
  const named = [...feeds.map(({ manifests }) => manifests), ...moved.map(({ from }) => from)];
  const shared = view
    .read((r) => r.all<{ feed: string; path: string }>("SELECT feed, path FROM roots WHERE kind = 'manifests'"))
    .filter(({ feed, path }) => ofOthers(feeds, feed) && named.includes(path));
  if (shared.length === 0) return;
  const names = [...new Set(shared.map(({ feed }) => feed))].join(', ');
  throw new EnvironmentError(
    'feeds_missing',
    `${statePath} also knows ${names}, with the same manifests, and what is not named is not read from them: name all of these feeds (--config).`,
  );
}

/** As a start leaves it that was refused at once. */
const isUnused = (view: QueueView): boolean =>
  ['contents', 'jobs', 'pruned'].every((table) => !view.read((r) => r.get(`SELECT 1 FROM ${table} LIMIT 1`)));

/** Removes the state of an earlier rebuild that did not come to its end. */
export function removeMaking(statePath: string): void {
  for (const companion of MAKING_COMPANIONS) rmSync(makingPath(statePath) + companion, { force: true });
}

/** Puts the new state in its place. Answers where an older one lies now. Errors: EnvironmentError `state_full`. */
export function placeState(statePath: string, owner: { uid: number; gid: number } | undefined): string | undefined {
  const making = makingPath(statePath);
  refuseHalfWritten(statePath);
  const before = statSync(statePath, { throwIfNoEntry: false });
  const to = before ?? owner;
  if (process.geteuid?.() === 0 && to) chownSync(making, to.uid, to.gid);

  const aside = freeAside(statePath);
  for (const companion of ['', ...COMPANIONS]) {
    if (existsSync(statePath + companion)) move(statePath + companion, aside + companion);
  }
  move(making, statePath);
  sync(dirname(statePath));
  removeMaking(statePath);
  return before && aside;
}

/** With the time in it, to the second; two rebuilds may fall into one. */
function freeAside(statePath: string): string {
  const stamp = new Date(Date.now()).toISOString().replace(/[-:]|\.\d+/g, '');
  for (let n = 1; ; n++) {
    const aside = `${statePath}.before-rebuild-${stamp}${n === 1 ? '' : `-${n}`}`;
    if (['', ...COMPANIONS].every((companion) => !existsSync(aside + companion))) return aside;
  }
}

/** Where the log could not be written back when it was closed, the main file alone is not the whole state. */
function refuseHalfWritten(statePath: string): void {
  const log = statSync(`${makingPath(statePath)}-wal`, { throwIfNoEntry: false });
  if (log !== undefined && log.size > 0) {
    throw new EnvironmentError(
      'state_full',
      `the new state could not be written as a whole beside ${statePath}, as happens where the disk is full: free some space there and run ingest-ctl rebuild again; nothing was changed.`,
    );
  }
  sync(makingPath(statePath));
}
