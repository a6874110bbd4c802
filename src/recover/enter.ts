/**
 * How a process enters a feed before it does anything there: its roots are set up or recognised, their markers locked
 * against a rebuild, its manifests known to the state.
 */
import type { Backend } from '../../queue/backend.js';
import type { FeedOptions } from '../config/options.js';
import type { Roots } from '../files/feed-files.js';
import { lockRoots } from '../ledger/root-locks.js';
import { type Emit, setUpRoots } from '../ledger/roots.js';
import type { SharedLockFile } from '../linux/index.js';
import { checkManifestsKnown } from './known.js';

export interface Entered {
  roots: Roots;
  /** To be closed when the process leaves the feed. */
  locks: SharedLockFile[];
}

/** Errors: EnvironmentError, when the roots are not ours or the state is older than the manifests. */
export async function enterFeed(backend: Backend, statePath: string, feed: FeedOptions, emit: Emit): Promise<Entered> {
  const roots = await setUpRoots(backend, statePath, feed, emit);
  const locks = lockRoots(roots);
  try {
    await checkManifestsKnown(backend, feed);
    return { roots, locks };
  } catch (error) {
    for (const lock of locks) lock.close();
    throw error;
  }
}
