/**
 * `ingest-ctl doctor`: checks whether this environment can be used, before the first file comes. It prints one finding per
 * subject, each with its remedy.
 * Guarantees: each property is checked by the real system call, on a probe file with a hidden name that is removed at once.
 * Nothing else is created. It may run beside a working ingest.
 * Does not: start a service, or open a file of an input.
 */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { checkPages } from '../../../queue/index.js';
import type { Config, FeedOptions } from '../../base/config/options.js';
import { asOperatorError } from '../../base/errors.js';
import { mountsBelow } from '../../files/mounts.js';
import { openStateView } from '../../ingest/ledger/open-state.js';
import { sharedHost } from '../../ingest/outbox/host.js';
import { markerAt } from '../../ingest/roots/root-locks.js';
import { chooseWork, possibleWork } from '../../ingest/roots/work-place.js';
import { shownName } from '../../linux/index.js';
import { checkChain } from './chain.js';
import { checkSharedLedger } from './ledger.js';
import { checkPair } from './moves.js';
import { checkPlace } from './places.js';
import { checkClock, checkDescriptors, checkInotify, checkKernel } from './system.js';
import { checkUnit, type Unit, unitHere } from './unit.js';
import { type Finding, fail, ok, warn } from './words.js';

export async function doctor(config: Config, report: (finding: Finding) => void): Promise<void> {
  const { feeds, service } = config;
  const reportAll = (found: Finding[]): void => found.forEach(report);
  reportAll(checkKernel());
  const state = await checkState(service.statePath);
  reportAll(state.found);
  if (service.sharedLedger !== undefined) reportAll(await checkSharedLedger(service.sharedLedger, state.host));
  const unit = await unitHere();
  for (const feed of feeds) {
    for (const finding of checkFeed(feed, service.statePath, state.uuid, unit)) report(finding);
    if (feed.process) report(await checkChain(nameIn(feed)('chain'), feed));
  }
  const processes = Object.values(service.workers ?? { all: 1 }).reduce((sum, n) => sum + n, 1);
  for (const finding of checkInotify(feeds, processes)) report(finding);
  report(checkDescriptors(feeds.length));
  reportAll(checkClock(feeds));
}

const nameIn =
  ({ name }: FeedOptions) =>
  (kind: string): string =>
    name === 'default' ? kind : `${name}: ${kind}`;

/** The folder itself, or the next one above it that exists. */
const nextExisting = (folder: string): string => (existsSync(folder) ? folder : nextExisting(dirname(folder)));
const futureOf = (folder: string): string | undefined => (existsSync(folder) ? undefined : folder);

function* checkFeed(
  feed: FeedOptions,
  statePath: string,
  uuid: string | undefined,
  unit: Unit | undefined,
): Generator<Finding> {
  const name = nameIn(feed);
  let inner = false;
  const work =
    possibleWork(feed).find((path) => markerAt(path)?.kind === 'work') ??
    feed.workDir ??
    chooseWork(feed.input, () => {
      inner = true;
    });
  const workThere = nextExisting(work);
  const workFound = [
    ...checkPlace({ name: name('work directory'), kind: 'work', path: workThere, future: futureOf(work) }),
  ];
  yield* checkPlace({ name: name('input'), kind: 'input', path: feed.input });
  yield* workFound;
  yield* checkPlace({ name: name('manifests'), kind: 'manifests', path: feed.manifests });
  yield* checkPlace({ name: name('warehouse'), kind: 'warehouse', path: feed.warehouse });
  if (inner) {
    yield warn(
      name('work directory'),
      `it is to be ${work}, inside the input`,
      'exclude .ingest from an upstream rsync --delete',
    );
  }
  if (existsSync(work) || workFound.every(({ level }) => level !== 'fail')) {
    yield checkPair(name('input to work directory'), feed.input, workThere, 'seal');
    yield checkPair(name('work directory to warehouse'), workThere, feed.warehouse, 'move');
  }
  for (const mount of mountsBelow(feed.input)) {
    yield ok(name('input'), `${shownName(mount)} is a mount of its own: its files are sealed in its own .ingest`);
  }
  if (unit) yield checkUnit(name('unit'), unit, feed, workThere);
  for (const root of [work, feed.manifests]) yield* checkMarker(name('state'), root, statePath, uuid);
}

/** `uuid`: the UUID of the state, if it can be read. */
function* checkMarker(about: string, root: string, statePath: string, uuid: string | undefined): Generator<Finding> {
  const marker = existsSync(root) ? markerAt(root) : undefined;
  if (marker?.statePath === undefined || marker.state === uuid) return;
  if (marker.statePath === statePath) {
    if (uuid === undefined && existsSync(statePath)) return; // The state cannot be read, which was reported already.
    const what = `${root} was set up by an earlier state at ${statePath}, which is not there now`;
    yield fail(about, what, 'put that file back together with its -wal, or run ingest-ctl rebuild');
    return;
  }
  const what = `${root} belongs to the state ${marker.statePath}, and not to ${statePath}`;
  yield fail(about, what, `use --state-path ${marker.statePath}, or, if it is lost, run ingest-ctl rebuild`);
}

/** Root may do more than the owner of the state. So checks as root say nothing about a service that runs as that owner. */
function checkAsked(folder: string): Finding[] {
  const { uid } = statSync(folder);
  if (process.geteuid?.() !== 0 || uid === 0) return [];
  const what = `${folder} belongs to uid ${uid}, and doctor was asked as root: what that user may do was not looked at`;
  return [warn('state', what, 'run it as that user (sudo -u)')];
}

async function checkState(statePath: string): Promise<{ found: Finding[]; uuid?: string; host?: string | undefined }> {
  const folder = nextExisting(dirname(statePath));
  const place = [
    ...checkPlace({ name: 'state', kind: 'state', path: folder, future: futureOf(dirname(statePath)) }),
    ...checkAsked(folder),
  ];
  if (!existsSync(statePath))
    return { found: [...place, ok('state', `${statePath} is not there yet: the first start makes it`)] };
  try {
    const view = await openStateView(statePath);
    const feeds = view.feeds().map(({ name }) => name);
    const { uuid } = view;
    const host = view.read(sharedHost)?.id;
    await view.close();
    checkPages(statePath);
    const said = `${statePath} can be read, and its pages fit together; its feeds: ${feeds.join(', ') || 'none yet'}`;
    return { found: [...place, ok('state', said)], uuid, host };
  } catch (error) {
    const known = asOperatorError(error);
    if (!known) throw error;
    return { found: [...place, fail('state', known.message, 'as it says')] };
  }
}
