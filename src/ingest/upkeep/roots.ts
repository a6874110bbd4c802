/**
 * Sets up the roots of a feed at their first use, and recognises them later: makes the work directory, writes the markers and
 * records them.
 * Guarantees: work directory and manifests belong to one state. A second state is refused before anything is written. A root
 * that was set up and is missing now is no error here: the stages treat it as a failing place.
 */
import { accessSync, closeSync, constants, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Backend } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { EnvironmentError } from '../../base/errors.js';
import { typed } from '../../base/shell.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { type Marker, makeMarker, readMarker, removeLeftOver } from '../../files/marker.js';
import { errnoOf, unlessRefused } from '../../files/place-error.js';
import { withFd } from '../../linux/index.js';
import { openRoot, type Roots } from '../files/feed-files.js';
import { enterWarehouse } from '../ledger/names.js';
import { followMoved } from './follow-moved.js';
import { newMarker } from './lost-marker.js';
import {
  KEPT_WHILE_UNDER_WAY,
  refuseMoved,
  refuseMovedWork,
  refuseNested,
  refuseOtherInput,
  refuseStrange,
} from './moved-roots.js';
import { markerAt } from './root-locks.js';
import { isOfRoot, unusable } from './unusable-root.js';
import { chooseWork, isOtherMount, refuseOtherMount } from './work-place.js';

const MARKED = ['work', 'manifests', 'warehouse'] as const;
type MarkedKind = (typeof MARKED)[number];
type Markers = Roots['markers'];
interface Recorded {
  kind: string;
  path: string;
  marker: string | null;
}

/** The parts of a state that are read before a feed may be set up in it. */
export type StateToJoin = Pick<Backend, 'read' | 'uuid' | 'feeds' | 'isAlive'>;

interface Plan {
  roots: Roots;
  /** The roots that this state does not know yet, or knows under another path. */
  fresh: MarkedKind[];
  inputFresh: boolean;
}

/** Finds the roots and checks everything that a set-up can refuse. Nothing is made. Errors: EnvironmentError. */
export function planRoots(state: StateToJoin, statePath: string, feed: FeedOptions, emit: Emit): Plan {
  const recorded = new Map(
    state
      .read((r) => r.all<Recorded>('SELECT kind, path, marker FROM roots WHERE feed = ?', feed.name))
      .map((row) => [row.kind, row]),
  );
  const inputSame = recorded.get('input')?.path === feed.input;
  const before = recorded.get('work')?.path;
  // A disk may have been mounted at the input since.
  const isKept = !feed.workDir && inputSame && before !== undefined && !isOtherMount(feed.input, before);
  const work = isKept ? before : (feed.workDir ?? chooseWork(feed.input, emit));
  refuseMovedWork(state, feed, before, work);
  if (!isKept) refuseOtherMount(feed, work);
  refuseNested(state, feed);
  for (const rule of KEPT_WHILE_UNDER_WAY) refuseMoved(state, feed, recorded.get(rule.kind)?.path, rule);
  const roots = {
    input: feed.input,
    work,
    manifests: feed.manifests,
    warehouse: feed.warehouse,
    markers: {} as Markers,
  };
  const fresh: MarkedKind[] = [];
  for (const kind of MARKED) {
    const known = recorded.get(kind);
    if (known?.path === roots[kind] && known.marker !== null) roots.markers[kind] = known.marker;
    else fresh.push(kind);
  }
  for (const kind of fresh) {
    const marker = refuseUnfit(state, statePath, kind, roots[kind]);
    const rule = KEPT_WHILE_UNDER_WAY.find((one) => one.kind === kind);
    if (rule) refuseStrange(state, feed, recorded.get(kind), marker?.id, rule);
  }
  // A worker has the feeds of before too: one that was renamed has the input that it had.
  if (!inputSame) refuseOtherInput(state, feed);
  return { roots, fresh, inputFresh: !inputSame };
}

export async function setUpRoots(backend: Backend, statePath: string, feed: FeedOptions, emit: Emit): Promise<Roots> {
  const { roots, fresh, inputFresh } = planRoots(backend, statePath, feed, emit);
  for (const kind of fresh) roots.markers[kind] = await firstUse(backend, statePath, feed, kind, roots[kind]);
  if (inputFresh) await remember(backend, feed, 'input', feed.input, null);
  // At each start: a process may make its temporary file after all others have looked, and die.
  for (const kind of MARKED) unlessRefused(() => withFd(openRoot(roots[kind]), removeLeftOver));
  return roots;
}

/** Refuses, before anything is made, a root that belongs to another state, is missing, or cannot get a marker. Returns its marker. */
function refuseUnfit(state: StateToJoin, statePath: string, kind: MarkedKind, path: string): Marker | undefined {
  try {
    const missing = kind === 'work' && !statSync(path, { throwIfNoEntry: false });
    // With --work-dir its parent must exist. The inner work directory is made in the input, which exists.
    const place = missing ? dirname(path) : path;
    return withFd(openRoot(place), (fd) => {
      const marker = missing ? undefined : readMarker(fd);
      if (marker) refuseForeign(marker, state, kind, path, statePath);
      else accessSync(place, constants.W_OK | constants.X_OK);
      return marker;
    });
  } catch (error) {
    if (errnoOf(error) !== undefined) throw unusable(kind, path, error);
    throw error;
  }
}

/** For who only reads: refuses a feed whose manifests belong to another state, or to one that is lost. `uuid`: '' without a state. */
export function refuseOtherState(uuid: string, statePath: string, feed: FeedOptions): void {
  const marker = markerAt(feed.manifests);
  if (marker) refuseForeign(marker, { uuid }, 'manifests', feed.manifests, statePath);
}

/** Makes the marker, or recognises the one of an earlier try. Refuses a marker of another state. */
async function firstUse(
  backend: Backend,
  statePath: string,
  feed: FeedOptions,
  kind: MarkedKind,
  path: string,
): Promise<string> {
  if (kind === 'work') makeWork(feed, path);
  let fd: number;
  try {
    fd = openRoot(path);
  } catch (error) {
    throw unusable(kind, path, error);
  }
  try {
    const marker = makeMarker(fd, newMarker(kind, backend.uuid, statePath));
    refuseForeign(marker, backend, kind, path, statePath);
    await remember(backend, feed, kind, path, marker.id);
    return marker.id;
  } catch (error) {
    if (isOfRoot(error)) throw unusable(kind, path, error);
    throw error;
  } finally {
    closeSync(fd);
  }
}

function makeWork(feed: FeedOptions, path: string): void {
  try {
    mkdirSync(path, { recursive: feed.workDir === undefined, mode: 0o700 });
    syncNames(dirname(path));
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw unusable('work', path, error);
  }
}

function syncNames(directory: string): void {
  let fd: number;
  try {
    fd = openSync(directory, 'r');
  } catch (error) {
    if (errnoOf(error) === 'EACCES') return; // this user may write it but not read it, so it cannot be synced
    throw error;
  }
  withFd(fd, fsyncSync);
}

function refuseForeign(
  marker: Marker,
  state: Pick<StateToJoin, 'uuid'>,
  kind: MarkedKind,
  path: string,
  statePath: string,
): void {
  if (kind === 'warehouse' || marker.state === state.uuid) return;
  if (marker.statePath === statePath) {
    throw new EnvironmentError(
      'state_lost',
      `${path} was set up by an earlier state at ${statePath}, but the file there is a new one without its contents: the state was deleted, or ${statePath}-wal was deleted after a crash. Put the file back together with its -wal, or run ${typed('ingest-ctl rebuild')} with the options of all its feeds.`,
    );
  }
  throw new EnvironmentError(
    'second_state',
    `${path} belongs to the state ${marker.statePath ?? marker.state}, and ${statePath} is another one: two states would ingest the same content twice. Use that state (--state-path), or, if it is lost, run ${typed('ingest-ctl rebuild')} with this feed's options.`,
  );
}

const remember = (
  backend: Backend,
  feed: FeedOptions,
  kind: Recorded['kind'],
  path: string,
  marker: string | null,
): Promise<unknown> =>
  backend.transact((tx) => {
    // Checked again inside the transaction, where nothing can be planned in between: plans name the old root.
    const rule = KEPT_WHILE_UNDER_WAY.find((one) => one.kind === kind);
    const before = tx.get<Recorded>('SELECT path, marker FROM roots WHERE feed = ? AND kind = ?', feed.name, kind);
    if (rule) refuseMoved({ read: (look) => look(tx) }, feed, before?.path, rule);
    if (rule && marker !== null && before?.marker === marker && before.path !== path)
      followMoved(
        tx,
        [{ feed: feed.name, kind: rule.kind, from: before.path, to: path }],
        backend.feeds().map(({ name }) => name),
      );
    if (kind === 'warehouse' && marker !== null) enterWarehouse(tx, marker, path);
    return tx.run(
      `INSERT INTO roots (feed, kind, path, marker) VALUES (?, ?, ?, ?)
       ON CONFLICT (feed, kind) DO UPDATE SET path = excluded.path, marker = excluded.marker`,
      feed.name,
      kind,
      path,
      marker,
    );
  });
