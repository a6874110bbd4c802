/**
 * Makes a lost state anew from what is on disk: manifests (rotated ones too), warehouse, work directories.
 * Guarantees: nobody is at work meanwhile (the markers are locked alone); the state appears under its name when it is
 * whole, so an interrupted rebuild is simply run again; no manifest, warehouse file or sealed file is changed.
 * Does not: know what only rows knew: attempts, holds, pauses, and duplicates that are archived already.
 */
import { statSync } from 'node:fs';
import type { Backend } from '../../queue/backend.js';
import type { Config, FeedOptions } from '../config/options.js';
import { EnvironmentError } from '../errors.js';
import { FeedFiles } from '../files/feed-files.js';
import { openState } from '../ledger/open-state.js';
import { lockRootsAlone } from '../ledger/root-locks.js';
import { setUpRoots } from '../ledger/roots.js';
import { nameOfText } from '../linux/index.js';
import { type FoundManifest, linesOf, manifestFiles } from '../manifest/read.js';
import { UnreadableManifest } from '../manifest/unpack.js';
import { adoptOrphans } from './reaper.js';
import { discardWithdrawn } from './rebuild-jobs.js';
import { type Counts, enterLines, type Line, lookAt, noCounts } from './rebuild-ledger.js';
import { makingPath, placeState, refuseGoodState, removeMaking } from './rebuild-place.js';
import { type FeedReport, noReport, tellFeed } from './rebuild-report.js';
import { findRoots, refuseMissingWarehouse } from './rebuild-roots.js';
import { makeTables, noteSealed, settleSidecars } from './rebuild-sealed.js';

/** Lines a transaction: a commit costs as much as thousands of rows. */
const BATCH = 4_000;
const silent = (): void => {};

/** Answers the exit code. Errors: EnvironmentError where it must not be done, or not all can be read. */
export async function rebuild(config: Config, say: (line: string) => void): Promise<number> {
  const { statePath, maxAttempts } = config.service;
  const { feeds, uuid, owner } = findRoots(config.feeds, statePath);
  const locks = lockRootsAlone(feeds.flatMap(({ manifests, workDir }) => [manifests, workDir!]));
  try {
    await refuseGoodState(statePath, feeds, uuid);
    refuseMissingWarehouse(feeds);
    removeMaking(statePath);
    const backend = await openState({
      ...{ statePath: makingPath(statePath), title: 'rebuild', maxAttempts },
      ...(uuid !== undefined && { uuid }),
    });
    try {
      await makeTables(backend);
      for (const feed of feeds) tellFeed(feed, await rebuildFeed(backend, statePath, feed), say);
    } finally {
      await backend.close();
    }
    const aside = placeState(statePath, owner);
    if (aside !== undefined)
      say(`the state that was there is older than the manifests; it was moved aside to ${aside}`);
    say(`${statePath} is made anew${uuid === undefined ? '' : ` for the state ${uuid}`}: start ingest again.`);
    return 0;
  } catch (error) {
    throw error instanceof UnreadableManifest ? unreadable(error) : error;
  } finally {
    for (const lock of locks) lock.close();
  }
}

async function rebuildFeed(backend: Backend, statePath: string, feed: FeedOptions): Promise<FeedReport> {
  await backend.putFeed(feed.name, { ...feed });
  const files = new FeedFiles(await setUpRoots(backend, statePath, feed, silent));
  const report = noReport();
  try {
    await readCorrections(backend, feed);
    report.sealed = await noteSealed(backend, feed.name, files);
    for (const file of manifestFiles(feed.manifests, 'manifest'))
      await readManifest(backend, feed, files, file, report);
    while ((await discardAgain(backend, feed, report)) > 0);
    report.sidecars = settleSidecars(files, nameOfText(feed.sidecarSuffix));
    report.orphans = await adoptOrphans({ backend, emit: silent, feed: feed.name, files });
    return report;
  } finally {
    files.close();
  }
}

async function readCorrections(backend: Backend, feed: FeedOptions): Promise<void> {
  for (const file of manifestFiles(feed.manifests, 'corrections')) {
    let end = 0;
    let ids: string[] = [];
    const enter = (): Promise<unknown> =>
      backend.transact((tx) => {
        for (const id of ids) tx.run('INSERT OR IGNORE INTO withdrawn VALUES (?, ?)', feed.name, id);
      });
    for await (const line of linesOf(file.path)) {
      if (!line.record) continue;
      end = line.endAt;
      if ((line.record.feed ?? feed.name) !== feed.name || line.record.fields.correction !== 'withdrawn') continue;
      if (ids.push(line.record.ingestId) < BATCH) continue;
      await enter();
      ids = [];
    }
    await enter();
    await enterEnd(backend, feed, file, end);
  }
}

async function readManifest(
  backend: Backend,
  feed: FeedOptions,
  files: FeedFiles,
  file: FoundManifest,
  report: FeedReport,
): Promise<void> {
  report.files++;
  let end = 0;
  let batch: Line[] = [];
  const enter = async (): Promise<void> => add(report.counts, await enterLines(backend, feed, batch));
  for await (const line of linesOf(file.path)) {
    if (!line.record) {
      report.foreign(file.path, line);
      continue;
    }
    end = line.endAt;
    const of = line.record.feed ?? feed.name;
    if (of !== feed.name) {
      report.otherFeeds.add(of);
      continue;
    }
    if (batch.push(await lookAt(backend, line.record, file, feed, files)) < BATCH) continue;
    await enter();
    batch = [];
  }
  await enter();
  await enterEnd(backend, feed, file, end);
}

/** The committed end of a file that appends go to: behind the last whole record, so that what is foreign there is told. */
async function enterEnd(backend: Backend, feed: FeedOptions, file: FoundManifest, end: number): Promise<void> {
  if (!file.current) return;
  const inode = Number(statSync(file.path).ino);
  await backend.transact((tx) =>
    tx.run(
      'INSERT OR REPLACE INTO manifest_ends (file, feed, inode, end_at) VALUES (?, ?, ?, ?)',
      ...[file.path, feed.name, inode, end],
    ),
  );
}

async function discardAgain(backend: Backend, feed: FeedOptions, report: FeedReport): Promise<number> {
  const discarded = await backend.transact((tx) => discardWithdrawn(tx, feed.name, BATCH));
  report.discarded += discarded;
  return discarded;
}

function add(to: Counts, more: Counts): void {
  for (const name of Object.keys(noCounts()) as (keyof Counts)[]) to[name] += more[name];
}

const unreadable = ({ message }: UnreadableManifest): EnvironmentError =>
  new EnvironmentError(
    'manifest_unreadable',
    `${message}; without its lines contents would be ingested twice: restore it, unpack it or (if it is none of ours) move it away, then run ingest-ctl rebuild again.`,
  );
