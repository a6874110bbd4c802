/**
 * The state's folder, before a process opens the state: made by who may make it, waited for by a worker.
 * Does not: write to the database.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QueueView } from '../../queue/index.js';
import type { FeedOptions } from '../base/config/options.js';
import type { Invocation } from '../base/config/read.js';
import { existingState, isStateThere, statePathOf } from '../base/config/state-path.js';
import { realOrFuturePath } from '../base/config/values/directories.js';
import { limits } from '../base/config/values/limits.js';
import { EnvironmentError } from '../base/errors.js';
import { safeText } from '../base/telemetry/safe.js';
import { PlaceError } from '../files/place-error.js';
import { FeedFiles, type Roots } from '../ingest/files/feed-files.js';
import { recordedRoots } from '../ingest/files/recorded-roots.js';
import { deadFeeds } from '../ingest/health/dead-roots.js';
import { openStateView } from '../ingest/ledger/open-state.js';
import { type FeedFolders, refuseLostState } from '../ingest/upkeep/check-manifests.js';
import { newMarker, remedyOfLost } from '../ingest/upkeep/lost-marker.js';
import { lockRoots } from '../ingest/upkeep/root-locks.js';
import { planRoots } from '../ingest/upkeep/roots.js';
import { type ByteName, fsKindOf, nameOfText } from '../linux/index.js';
import { refuseForeignLog } from '../tools/backup/foreign-log.js';
import { printNote } from './console.js';

/** The path of the state that a command needs. Errors: EnvironmentError, where there is none; it says if that state is lost. */
export async function stateFor(invocation: Invocation): Promise<string> {
  const path = statePathOf(invocation, process.env);
  // The folders are not touched without need: a mount may be dead.
  if (isStateThere(path)) return path;
  await refuseLostState(path, invocation.feeds.map(foldersOf));
  return existingState(path);
}

export function foldersOf({ name, values }: Invocation['feeds'][number]): FeedFolders {
  const { input, manifests, 'work-dir': workDir } = values;
  return {
    name,
    ...(input !== undefined && { input: realOrFuturePath(input) }),
    ...(manifests !== undefined && { manifests: realOrFuturePath(manifests) }),
    ...(workDir !== undefined && { workDir: realOrFuturePath(workDir) }),
  };
}

/** Feeds that cannot be this state's are refused while nothing has been touched, not even the state. */
export async function prepareStateFor(feeds: readonly FeedOptions[], statePath: string): Promise<void> {
  await refuseUnfit(feeds, statePath);
  prepareState(statePath);
}

/** All that a start refuses of its feeds and its state; nothing is changed. */
export async function refuseUnfit(feeds: readonly FeedOptions[], statePath: string): Promise<void> {
  refuseUnusableState(statePath);
  await refuseLostState(statePath, feeds);
  await refuseMisfit(statePath, feeds);
}

/** Folders that the state has set up and that are not those now. A start takes them for failing places, so it does not say so. */
export async function placesAway(feeds: readonly FeedOptions[], statePath: string): Promise<Away[]> {
  if (!existsSync(statePath)) return [];
  return withStateAt(statePath, (view) =>
    feeds.flatMap((feed) => {
      const roots = recordedRoots(view, feed.name);
      return awayOf(feed, roots).map(({ place, path, code, message }) => {
        const id = roots.markers[place as keyof Roots['markers']];
        if (code !== 'no_marker' || id === undefined) return { place, message };
        return { place, message, remedy: remedyOfLost(path, { id, ...newMarker(place, view.uuid, statePath) }) };
      });
    }),
  );
}

interface Away {
  place: string;
  message: string;
  /** The next step, if the message has less of it. */
  remedy?: string;
}

function awayOf(feed: FeedOptions, roots: Roots): PlaceError[] {
  const files = new FeedFiles(roots);
  const isSame = {
    work: roots.input === feed.input && (feed.workDir ?? roots.work) === roots.work,
    manifests: roots.manifests === feed.manifests,
    warehouse: roots.warehouse === feed.warehouse,
  };
  const open = {
    work: () => files.work('' as ByteName),
    manifests: () => files.manifests,
    warehouse: () => files.warehouse,
  };
  try {
    return (['work', 'manifests', 'warehouse'] as const).flatMap((kind) => {
      if (!isSame[kind]) return [];
      try {
        open[kind]();
        return [];
      } catch (error) {
        if (error instanceof PlaceError) return [error];
        throw error;
      }
    });
  } finally {
    files.close();
  }
}

/** Makes the folder of the state (0700: names of files are in it), unless it is where a state cannot live. */
export function prepareState(statePath: string): void {
  refuseUnusableState(statePath);
  try {
    mkdirSync(dirname(statePath), { recursive: true, mode: 0o700 });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new EnvironmentError(
      'state_folder_unusable',
      `--state-path must lie in a directory that can be made and used, but ${dirname(statePath)} cannot be (${code}); name another path, or correct its owner and permissions.`,
    );
  }
}

/** Opens a state for reading, and closes it in any case. */
export async function withStateAt<T>(path: string, use: (view: QueueView) => T | Promise<T>): Promise<T> {
  const view = await openStateView(path);
  try {
    return await use(view);
  } finally {
    await view.close();
  }
}

/** The processes of the state ask again; here it is early enough that not even an owner has entered it. */
async function refuseMisfit(statePath: string, feeds: readonly FeedOptions[]): Promise<void> {
  if (!existsSync(statePath)) return;
  let view: QueueView;
  try {
    view = await openStateView(statePath);
  } catch {
    return; // it is older, full, no state at all: who opens it to write says so, or mends it
  }
  try {
    const dead = await deadFeeds(view, feeds);
    for (const feed of feeds) {
      if (dead.has(feed.name)) continue;
      const { roots } = planRoots(view, statePath, feed, () => {});
      // The manifests are left to the processes: a mount that hangs must not keep this one from saying so.
      for (const lock of lockRoots({ work: roots.work, manifests: roots.work })) lock.close();
    }
  } finally {
    await view.close();
  }
}

/** Before a process opens the state, in any way. */
export function refuseUnusableState(statePath: string): void {
  refuseNetwork(statePath);
  refuseForeignLog(statePath);
}

/** SQLite's locks and shared memory do not hold on a network filesystem: two writers would ruin the ledger. */
function refuseNetwork(statePath: string): void {
  let place = dirname(statePath);
  while (!existsSync(place)) place = dirname(place);
  const kind = fsKindOf(nameOfText(place));
  if (!kind.network) return;
  throw new EnvironmentError(
    'state_on_network',
    `--state-path must be on a local filesystem, but ${statePath} is on ${kind.name}, where locks cannot be relied on; name a path on a local disk.`,
  );
}

/** A worker may be started before its producer: it waits a little for the state, and says so. */
export async function stateToCome(statePath: string): Promise<void> {
  refuseUnusableState(statePath);
  const endMs = performance.now() + limits.stateWaitMs;
  if (!existsSync(statePath)) {
    printNote(
      `ingest-worker: there is no state at ${safeText(statePath)} yet; waiting ${limits.stateWaitMs / 1000} s for ingest-producer to make it.`,
    );
  }
  while (!existsSync(statePath) && performance.now() < endMs) await sleep(100);
  existingState(statePath);
}
