/**
 * How a process enters a feed before it does anything there. First the feed is checked, and whether the state knows its
 * manifests. Then its roots are set up or recognised, and their markers locked against a rebuild.
 */
import type { Backend } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Emit } from '../../base/telemetry/emit.js';
import type { PlaceError } from '../../files/place-error.js';
import type { SharedLockFile } from '../../linux/index.js';
import type { Roots } from '../files/feed-files.js';
import { deadFeeds } from '../health/dead-roots.js';
import { checkSharing } from '../sharing/check.js';
import { checkManifestsKnown } from './check-manifests.js';
import { lockRoots } from './root-locks.js';
import { planRoots, setUpRoots } from './roots.js';

const silent = (): void => {};

export interface Entered {
  feed: string;
  roots: Roots;
  /** The caller closes them when the process leaves the feed. */
  locks: SharedLockFile[];
}

/**
 * Checks every reason to refuse a feed, for all feeds, before anything is written for any of them. Returns the feeds that could not
 * be checked and must not be entered: the filesystem of a root is dead.
 * Errors: EnvironmentError, when the roots are not ours or the state is older than the manifests.
 */
export async function checkFeeds(
  state: QueueView,
  statePath: string,
  feeds: readonly FeedOptions[],
): Promise<Map<string, PlaceError>> {
  checkSharing(state, statePath, feeds);
  const dead = await deadFeeds(state, feeds);
  for (const feed of feeds) {
    if (dead.has(feed.name)) continue;
    const { roots } = planRoots(state, statePath, feed, silent);
    const locks = lockRoots(roots);
    try {
      await checkManifestsKnown(state, feed);
    } finally {
      for (const lock of locks) lock.close();
    }
  }
  return dead;
}

/** Enters a checked feed. Errors: EnvironmentError, where a root cannot be set up after all, or is being rebuilt. */
export async function enterFeed(backend: Backend, statePath: string, feed: FeedOptions, emit: Emit): Promise<Entered> {
  const roots = await setUpRoots(backend, statePath, feed, emit);
  return { feed: feed.name, roots, locks: lockRoots(roots) };
}
