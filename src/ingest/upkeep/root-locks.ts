/**
 * The lock on a root's marker. Every process that works for a state takes it shared; `rebuild` takes it exclusively, so no
 * process is at work then. Also reads a marker for callers without a state.
 * Guarantees: a lock ends with its process. Does not: make a marker.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { EnvironmentError } from '../../base/errors.js';
import { MARKER, type Marker, readMarker } from '../../files/marker.js';
import { errnoOf, unlessRefused } from '../../files/place-error.js';
import { openLockFile, type SharedLockFile, withFd } from '../../linux/index.js';
import { openRoot, type Roots } from '../files/feed-files.js';
import { unusable } from './unusable-root.js';

const markerPath = (root: string): string => join(root, MARKER);

/** Locks the markers of work directory and manifests. A root that is missing at the moment is left out. */
export function lockRoots(roots: Pick<Roots, 'work' | 'manifests'>): SharedLockFile[] {
  return lockAll([roots.work, roots.manifests], 'tryLockShared', (root) => rebuildRunning(root));
}

/** For a verb of ingest-ctl that must run alone: no process works for the state, and none starts to. Errors: EnvironmentError `state_in_use`. */
export function lockRootsAlone(roots: readonly string[], verb = 'rebuild'): SharedLockFile[] {
  return lockAll(
    roots,
    'tryLockExclusive',
    (root) =>
      new EnvironmentError(
        'state_in_use',
        `${root} is in use by a running ingestor (or another ingest-ctl ${verb}): stop ingest, ingest-producer and ingest-worker, then run ingest-ctl ${verb} again.`,
      ),
  );
}

/** Refuses while the state of this root is being rebuilt. */
export function refuseWhileRebuilding(root: string): void {
  for (const lock of lockAll([root], 'tryLockShared', (path) => rebuildRunning(path))) lock.close();
}

function lockAll(
  roots: readonly string[],
  how: 'tryLockShared' | 'tryLockExclusive',
  refusal: (root: string) => EnvironmentError,
): SharedLockFile[] {
  const locks: SharedLockFile[] = [];
  try {
    for (const root of new Set(roots)) {
      const lock = openMarker(root, how === 'tryLockShared');
      if (lock === undefined) continue;
      locks.push(lock);
      if (!lock[how](0)) throw refusal(root);
    }
  } catch (error) {
    for (const lock of locks) lock.close();
    throw error;
  }
  return locks;
}

/** These errors stay until a person acts. With any other one the process ends as after a bug, and is started again. */
const LASTING = ['EROFS', 'EACCES', 'EPERM'];

/** Undefined where there is none. Opened for reading, a root that became read-only is entered, and is a failing place of its feed. */
function openMarker(root: string, forReading: boolean): SharedLockFile | undefined {
  try {
    return statSync(markerPath(root), { throwIfNoEntry: false }) && openLockFile(markerPath(root), { forReading });
  } catch (error) {
    if (LASTING.includes(errnoOf(error) ?? '')) throw unusable('folder', root, error);
    throw error;
  }
}

const rebuildRunning = (root: string): EnvironmentError =>
  new EnvironmentError('rebuild_running', `${root} is being rebuilt by ingest-ctl: start again when it has ended.`);

/** The marker of a root by its path; undefined where there is none, or this user may not read it. */
export const markerAt = (root: string): Marker | undefined => unlessRefused(() => withFd(openRoot(root), readMarker));
