/**
 * Sets up the roots of a feed at its first use, and recognises them ever after: the work directory is made, markers are
 * written and remembered.
 * Guarantees: work directory and manifests belong to one state; a second state on them is refused before anything is
 * written. A root that was set up once and is missing now is no error here: the stages meet it as a failing place.
 */
import { accessSync, closeSync, constants, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Backend } from '../../queue/backend.js';
import type { FeedOptions } from '../config/options.js';
import { EnvironmentError } from '../errors.js';
import { openRoot, type Roots } from '../files/feed-files.js';
import { type Marker, makeMarker, readMarker } from '../files/marker.js';
import { errnoOf } from '../files/place-error.js';
import { statFd } from '../linux/index.js';
import { KEPT_WHILE_UNDER_WAY, refuseMoved, refuseMovedWork } from './moved-roots.js';

export type Emit = (event: string, fields: Record<string, unknown>) => void;

type MarkedKind = 'work' | 'manifests' | 'warehouse';
interface Recorded {
  kind: string;
  path: string;
  marker: string | null;
}

export async function setUpRoots(backend: Backend, statePath: string, feed: FeedOptions, emit: Emit): Promise<Roots> {
  const recorded = new Map(
    backend
      .read((r) => r.all<Recorded>('SELECT kind, path, marker FROM roots WHERE feed = ?', feed.name))
      .map((row) => [row.kind, row]),
  );
  const inputSame = recorded.get('input')?.path === feed.input;
  const work = feed.workDir ?? (inputSame ? recorded.get('work')?.path : undefined) ?? chooseWork(feed.input, emit);
  refuseMovedWork(backend, feed, recorded.get('work')?.path, work);
  for (const rule of KEPT_WHILE_UNDER_WAY) refuseMoved(backend, feed, recorded.get(rule.kind)?.path, rule);
  const markers: Roots['markers'] = {};
  for (const [kind, path] of [
    ['work', work],
    ['manifests', feed.manifests],
    ['warehouse', feed.warehouse],
  ] as const) {
    const known = recorded.get(kind);
    markers[kind] =
      known?.path === path && known.marker !== null
        ? known.marker
        : await firstUse(backend, statePath, feed, kind, path);
  }
  if (!inputSame) await remember(backend, feed.name, 'input', feed.input, null);
  return { input: feed.input, work, manifests: feed.manifests, warehouse: feed.warehouse, markers };
}

export const siblingWork = (input: string): string => join(dirname(input), `.${basename(input)}.ingest`);
export const innerWork = (input: string): string => join(input, '.ingest');

/** Where the work directory of a feed may be, when no state says it. */
export const possibleWork = (feed: Pick<FeedOptions, 'input' | 'workDir'>): string[] =>
  feed.workDir === undefined ? [siblingWork(feed.input), innerWork(feed.input)] : [feed.workDir];

/** The sibling `.NAME.ingest`; inside the input where that cannot be on the same mount, or not be made. */
export function chooseWork(input: string, emit: Emit): string {
  const sibling = siblingWork(input);
  const why = isMountPoint(input) ? 'the input is a mount point of its own' : whyNotWritable(dirname(input), sibling);
  if (why === undefined) return sibling;
  const inner = innerWork(input);
  emit('work_dir_inside_input', {
    input,
    work_dir: inner,
    why,
    hint: 'an upstream rsync --delete would delete what lies in it: exclude .ingest there',
  });
  return inner;
}

function isMountPoint(path: string): boolean {
  const [here, above] = [openRoot(path), openRoot(dirname(path))];
  try {
    const [a, b] = [statFd(here), statFd(above)];
    return a.mountId !== undefined ? a.mountId !== b.mountId : a.dev !== b.dev;
  } finally {
    closeSync(here);
    closeSync(above);
  }
}

function whyNotWritable(parent: string, sibling: string): string | undefined {
  try {
    accessSync(statSync(sibling, { throwIfNoEntry: false }) ? sibling : parent, constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return `${parent} cannot be written by this user`;
  }
}

/** Makes the marker, or recognises the one of an earlier try; refuses that of another state. */
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
    const wanted = kind === 'warehouse' ? { kind } : { kind, state: backend.uuid, statePath };
    const marker = readMarker(fd) ?? makeMarker(fd, wanted);
    refuseForeign(marker, backend, kind, path, statePath);
    await remember(backend, feed.name, kind, path, marker.id);
    return marker.id;
  } catch (error) {
    if (errnoOf(error) !== undefined) throw unusable(kind, path, error);
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
    if (errnoOf(error) === 'EACCES') return; // it may be written and not read by this user: nothing of it can be synced
    throw error;
  }
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function refuseForeign(marker: Marker, backend: Backend, kind: MarkedKind, path: string, statePath: string): void {
  if (kind === 'warehouse' || marker.state === backend.uuid) return;
  throw new EnvironmentError(
    'second_state',
    `${path} belongs to the state ${marker.statePath ?? marker.state}, and ${statePath} is another one: two states would ingest the same content twice. Use that state (--state-path), or, if it is lost, run ingest-ctl rebuild with this feed's options.`,
  );
}

const unusable = (kind: string, path: string, error: unknown): EnvironmentError =>
  new EnvironmentError(
    'root_unusable',
    `the ${kind === 'work' ? 'work directory' : kind} ${path} cannot be used (${errnoOf(error)}): correct its path, owner or permissions.`,
  );

const remember = (
  backend: Backend,
  feed: string,
  kind: string,
  path: string,
  marker: string | null,
): Promise<unknown> =>
  backend.transact((tx) =>
    tx.run(
      `INSERT INTO roots (feed, kind, path, marker) VALUES (?, ?, ?, ?)
       ON CONFLICT (feed, kind) DO UPDATE SET path = excluded.path, marker = excluded.marker`,
      feed,
      kind,
      path,
      marker,
    ),
  );
