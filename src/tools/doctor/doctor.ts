/**
 * `ingest-ctl doctor`: checks whether this environment can be used, before the first file comes. It prints one finding per
 * subject, each with its remedy.
 * Guarantees: each property is checked by the real system call, on a probe file with a hidden name that is removed at once.
 * Nothing else is created. It may run beside a working ingest.
 * Does not: start a service, or open a file of an input. What a start refuses besides, the start says itself (src/commands/doctor.ts).
 */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { checkPages } from '../../../queue/index.js';
import type { Config, FeedOptions } from '../../base/config/options.js';
import { isStateThere } from '../../base/config/state-path.js';
import { asOperatorError } from '../../base/errors.js';
import { boundariesBelow } from '../../files/mounts.js';
import { ChainChild } from '../../ingest/chains/child.js';
import { openStateView } from '../../ingest/ledger/open-state.js';
import { markerAt } from '../../ingest/upkeep/root-locks.js';
import { chooseWork, possibleWork } from '../../ingest/upkeep/work-place.js';
import { shownName } from '../../linux/index.js';
import { checkBucket } from './bucket.js';
import { checkPair, checkPlace, type Place } from './places.js';
import { isClosed, isThere } from './probe.js';
import { checkSharedLedger } from './shared-ledger.js';
import { checkClock, checkDescriptors, checkInotify, checkKernel } from './system.js';
import { checkUnit, type Unit, unitHere } from './unit.js';
import { type Finding, fail, ok, said, warn } from './words.js';

export async function doctor(config: Config, report: (finding: Finding) => void): Promise<void> {
  const { feeds, service } = config;
  const reportAll = (found: Iterable<Finding>): void => {
    for (const finding of found) report(finding);
  };
  // The free room of a filesystem is reported once, for all places on it.
  const filesystems = new Set<number>();
  const look: Look = (place) => checkPlace(place, filesystems);
  reportAll(checkKernel());
  const unit = await unitHere();
  await checkState(service.statePath, unit, look, report);
  for (const feed of feeds) {
    reportAll(checkFeed(feed, unit, look));
    if (feed.process) report(await checkChain(nameIn(feed)('chain'), feed));
    if (feed.publish !== undefined) reportAll(await checkBucket(nameIn(feed)('bucket'), feed));
  }
  const urls = new Set(feeds.flatMap(({ sharedLedger }) => sharedLedger ?? []));
  for (const url of urls) reportAll(await checkSharedLedger(url));
  const processes = Object.values(service.workers ?? { all: 1 }).reduce((sum, n) => sum + n, 1);
  reportAll(checkInotify(feeds, processes));
  report(checkDescriptors(feeds.length));
  reportAll(checkClock(feeds));
}

type Look = (place: Place) => Finding[];

/** Without a fault. A fault is named once, and not again by each check that needs the place. */
const isFit = (found: readonly Finding[]): boolean => found.every(({ level }) => level !== 'fail');

const nameIn =
  ({ name }: FeedOptions) =>
  (kind: string): string =>
    name === 'default' ? kind : `${name}: ${kind}`;

/** The folder itself, or the next one above it that exists. */
const nextExisting = (folder: string): string => (isThere(folder) ? folder : nextExisting(dirname(folder)));
const futureOf = (folder: string): string | undefined => (isThere(folder) ? undefined : folder);

function* checkFeed(feed: FeedOptions, unit: Unit | undefined, look: Look): Generator<Finding> {
  const name = nameIn(feed);
  let inner = false;
  const possible = possibleWork(feed);
  const work =
    possible.find((path) => markerAt(path)?.kind === 'work') ??
    feed.workDir ??
    possible.find(isClosed) ??
    chooseWork(feed.input, () => {
      inner = true;
    });
  const workThere = nextExisting(work);
  const places = {
    input: look({ name: name('input'), kind: 'input', path: feed.input }),
    work: look({ name: name('work directory'), kind: 'work', path: workThere, future: futureOf(work) }),
    manifests: look({ name: name('manifests'), kind: 'manifests', path: feed.manifests }),
    warehouse: look({ name: name('warehouse'), kind: 'warehouse', path: feed.warehouse }),
  };
  for (const found of Object.values(places)) yield* found;
  if (inner) {
    yield warn(
      name('work directory'),
      `it is to be ${work}, inside the input`,
      'exclude .ingest from an upstream rsync --delete',
    );
  }
  // A work directory that is made in the input is on its mount.
  if (isFit(places.input) && isFit(places.work) && workThere !== feed.input)
    yield checkPair(name('input to work directory'), feed.input, workThere, 'seal');
  if (isFit(places.work) && isFit(places.warehouse))
    yield checkPair(name('work directory to warehouse'), workThere, feed.warehouse, 'move');
  for (const at of boundariesBelow(feed.input)) {
    yield ok(
      name('input'),
      `${shownName(at)} is a mount or subvolume of its own: its files are sealed in its own .ingest`,
    );
  }
  const together = [feed.input, workThere];
  if (unit) yield checkUnit(name('unit'), unit, [...together, feed.warehouse, feed.manifests], together);
}

/** Whether the chain of a feed can be loaded, in the same child process that would run it. */
async function checkChain(name: string, { name: feed, process }: FeedOptions): Promise<Finding> {
  const child = new ChainChild({ feed, options: process!, printed: () => {}, onEnd: () => {} });
  try {
    const why = await child.whyUnloadable;
    if (why !== undefined)
      return fail(name, why, `correct the chain or its module; \`ingest-ctl process FILE --feed ${feed}\` tries it`);
    return ok(
      name,
      `the chain can be loaded${process!.module === undefined ? '' : `, with its module ${process!.module}`}`,
    );
  } finally {
    child.end();
  }
}

/** Root may do more than the owner of the state. So checks as root say nothing about a service that runs as that owner. */
function checkAsked(folder: string): Finding[] {
  if (process.geteuid?.() !== 0) return [];
  const { uid } = statSync(folder);
  if (uid === 0) return [];
  const what = `${folder} belongs to uid ${uid}, and doctor was asked as root: what that user may do was not looked at`;
  return [warn('state', what, 'run it as that user (sudo -u)')];
}

async function checkState(
  path: string,
  unit: Unit | undefined,
  look: Look,
  report: (finding: Finding) => void,
): Promise<void> {
  const folder = nextExisting(dirname(path));
  const place = { name: 'state', kind: 'state', path: folder, future: futureOf(dirname(path)) } as const;
  const found = look(place);
  [...found, ...checkAsked(folder)].forEach(report);
  if (unit) report(checkUnit('state', unit, [folder]));
  // A folder that is closed was reported.
  if (!isFit(found) && isThere(path) && !existsSync(path)) return;
  try {
    if (!isStateThere(path)) {
      report(ok('state', `${path} is not there yet: the first start makes it`));
      return;
    }
    const view = await openStateView(path);
    const feeds = view.feeds().map(({ name }) => name);
    await view.close();
    checkPages(path);
    report(
      ok('state', `${path} can be read, and its pages fit together; its feeds: ${feeds.join(', ') || 'none yet'}`),
    );
  } catch (error) {
    const known = asOperatorError(error);
    if (!known) throw error;
    report(said('state', known.message));
  }
}
