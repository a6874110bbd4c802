/**
 * Creates a lost state again from the disk, or brings a restored older copy up to date: from manifests (rotated ones as well),
 * warehouse and work directories.
 * Guarantees: no process works meanwhile (exclusive locks on the markers). The state gets its name when it is whole. No manifest,
 * warehouse file or sealed file is changed; what `--keep-local` had set aside gets its name again.
 * Does not: restore facts that were only in rows and not in an older state; report.ts lists them.
 */
import { statSync } from 'node:fs';
import type { Backend, Job, Tx } from '../../../queue/backend.js';
import type { Config, FeedOptions } from '../../base/config/options.js';
import { EnvironmentError } from '../../base/errors.js';
import { typed } from '../../base/shell.js';
import type { Work } from '../../base/telemetry/progress.js';
import { PlaceError } from '../../files/place-error.js';
import { FeedFiles } from '../../ingest/files/feed-files.js';
import { recordedRoots } from '../../ingest/files/recorded-roots.js';
import { joinAgain } from '../../ingest/ledger/host.js';
import { leaveBucket } from '../../ingest/ledger/publications.js';
import {
  type FoundManifest,
  isOfFeed,
  linesInBatches,
  manifestFiles,
  type ReadLine,
  type ReadRecord,
} from '../../ingest/manifest/read.js';
import { UnreadableManifest } from '../../ingest/manifest/unpack.js';
import { factsOf } from '../../ingest/rules/facts.js';
import { adoptOrphans } from '../../ingest/upkeep/reaper.js';
import { lockRootsAlone } from '../../ingest/upkeep/root-locks.js';
import { setUpRoots } from '../../ingest/upkeep/roots.js';
import { nameOfText } from '../../linux/index.js';
import { lookAt } from './case.js';
import { settleContents } from './contents.js';
import { enterLines } from './ledger.js';
import { Pass } from './pass.js';
import { notePaths } from './paths.js';
import { addCounts, type FeedReport, noReport, noteForeign, printFeed, printUnknown } from './report.js';
import { discardWithdrawn } from './state/jobs.js';
import { forgetGivenUp, settleJobs } from './state/older.js';
import { notePeriods } from './state/periods.js';
import { type Asked, type Before, endPlacing, judgeState, placeState } from './state/place.js';
import { endMaking, type Making, openMaking, refuseChanged } from './state/progress.js';
import { findRoots, refuseMissingWarehouse } from './state/roots.js';
import type { Line } from './state/row.js';
import { noteSealed, settleSidecars } from './state/sealed.js';

/** Lines per transaction. A commit costs as much as thousands of rows, and its changed pages are in memory. */
const BATCH = 1_000;
const silent = (): void => {};
type Say = (line: string) => void;
type Show = (work: Work) => void;

/** Returns the exit code. Errors: EnvironmentError if a rebuild is not allowed, or if something cannot be read. */
export async function rebuild(config: Config, say: Say, progress: Show): Promise<number> {
  const { statePath, maxAttempts } = config.service;
  const { feeds, uuid, owner } = findRoots(config.feeds, statePath);
  const locks = lockRootsAlone(feeds.flatMap(({ manifests, workDir }) => [manifests, workDir!]));
  try {
    const asked = { statePath, feeds, uuid, maxAttempts };
    let judged = await judgeState(asked);
    if (endPlacing(statePath, judged.before)) {
      say('an earlier rebuild was killed when its state was whole: that state is taken over');
      for (const lock of judged.locks) lock.close();
      judged = await judgeState(asked);
    }
    locks.push(...judged.locks);
    refuseMissingWarehouse(feeds, judged.warehouses);
    const making = await make(asked, judged.before, say, progress);
    refuseChanged(making, statePath);
    const { before } = making;
    const aside = placeState(statePath, owner);
    const isDamaged = 'is damaged or was never used, and nothing was taken over';
    const was = before === 'older' ? 'was copied, and what it knew was taken over' : isDamaged;
    if (aside !== undefined) say(`the state that was there ${was}; it was moved aside to ${aside}`);
    const done = before === 'older' ? 'is up to date again' : 'is made again';
    const isShared = feeds.some(({ sharedLedger }) => sharedLedger !== undefined);
    const next = isShared
      ? `run ${typed('ingest-ctl host join', 'NAME')}, then start ingest again`
      : 'start ingest again';
    say(`${statePath} ${done}${uuid === undefined ? '' : ` for the state ${uuid}`}: ${next}.`);
    return 0;
  } catch (error) {
    if (error instanceof PlaceError)
      throw new EnvironmentError('root_unusable', `${error.message}; then run ${typed('ingest-ctl rebuild')} again.`);
    throw error instanceof UnreadableManifest ? unreadable(error) : error;
  } finally {
    for (const lock of locks) lock.close();
  }
}

/** Returns the state that was made, closed. */
async function make(asked: Asked, judged: Before, say: Say, progress: Show): Promise<Making> {
  const making = await openMaking(asked, judged);
  try {
    await making.backend.transact((tx) => {
      joinAgain(tx);
      for (const { name } of asked.feeds) leaveBucket(tx, name);
    });
    const reports = new Map(asked.feeds.map(({ name }) => [name, noReport()]));
    const noting = new Pass('noting the paths of manifests', asked.feeds, progress);
    for (const feed of asked.feeds)
      await gather(making, asked.statePath, feed, reports.get(feed.name)!, { pass: noting, show: progress });
    const judging = new Pass('judging the lines of manifests', asked.feeds, progress);
    for (const feed of asked.feeds) {
      const report = reports.get(feed.name)!;
      await rebuildFeed(making, feed, report, judging);
      printFeed(feed, report, making.before === 'older', say);
    }
    printUnknown([...reports.values()], making.since, say);
    await endMaking(making);
    return making;
  } finally {
    await making.backend.close();
  }
}

/** Notes the files of a feed before any feed is judged, because feeds may share a warehouse. */
async function gather(
  making: Making,
  statePath: string,
  feed: FeedOptions,
  report: FeedReport,
  { pass, show }: { pass: Pass; show: Show },
): Promise<void> {
  const { backend } = making;
  await backend.putFeed(feed.name, { ...feed });
  const files = new FeedFiles(await setUpRoots(backend, statePath, feed, silent));
  try {
    await readCorrections(backend, feed);
    report.sealed = await noteSealed(backend, feed.name, files, show);
    if (making.before === 'older') await backend.transact((tx) => forgetGivenUp(tx, feed.name));
    await notePaths(making, feed, pass);
  } finally {
    files.close();
  }
}

async function rebuildFeed(making: Making, feed: FeedOptions, report: FeedReport, pass: Pass): Promise<void> {
  const { backend } = making;
  const files = new FeedFiles(recordedRoots(backend, feed.name));
  try {
    await readManifests({ making, feed, files, report, pass });
    await notePeriods(backend, feed);
    while ((await discardAgain(backend, feed, report)) > 0);
    if (making.before === 'older') {
      report.olderJobs = await settleJobs(backend, feed.name, files);
      await settleContents(backend, feed.name, files);
    }
    report.sidecars = await settleSidecars(files, nameOfText(feed.sidecarSuffix), (id) => isSealedJob(backend.job(id)));
    report.orphans = await adoptOrphans({ backend, emit: silent, feed: feed.name, files });
  } finally {
    files.close();
  }
}

/** The job puts its sidecar away itself. */
const isSealedJob = (job: Job | undefined): boolean =>
  job !== undefined && job.state !== 'done' && (factsOf(job).sealed ?? factsOf(job).putAway) !== undefined;

async function discardAgain(backend: Backend, feed: FeedOptions, report: FeedReport): Promise<number> {
  const discarded = await backend.transact((tx) => discardWithdrawn(tx, feed.name, BATCH));
  report.discarded += discarded;
  return discarded;
}

const unreadable = ({ message }: UnreadableManifest): EnvironmentError =>
  new EnvironmentError(
    'manifest_unreadable',
    `${message}; without its lines contents would be ingested twice: restore it, unpack it or (if it is none of ours) move it away, then run ${typed('ingest-ctl rebuild')} again.`,
  );

async function readCorrections(backend: Backend, feed: FeedOptions): Promise<void> {
  for (const file of manifestFiles(feed.manifests, 'corrections')) {
    let end = 0;
    for await (const lines of linesInBatches(file.path, BATCH)) {
      await backend.transact((tx) => {
        for (const { record } of lines)
          if (record && isOfFeed(feed, record) && record.fields.correction === 'withdrawn')
            enterCorrection(tx, feed.name, record);
      });
      end = endOf(lines) ?? end;
    }
    await enterEnd(backend, feed, file, end);
  }
}

/** The content of a discarded file is free. The content of a withdrawn file stays known. */
function enterCorrection(tx: Tx, feed: string, { ingestId, fields }: ReadRecord): void {
  const { by, reason, corrected_at } = fields;
  if (typeof by !== 'string') tx.run('INSERT OR IGNORE INTO rebuild_withdrawn VALUES (?, ?)', feed, ingestId);
  else {
    const atMs = Date.parse(String(corrected_at)) || 0;
    tx.run(
      'INSERT OR IGNORE INTO rebuild_taken_out VALUES (?, ?, ?, ?, ?)',
      ...[feed, ingestId, by, String(reason ?? ''), atMs],
    );
  }
}

/** The source of this feed's lines, and the state that they go to. */
interface Reading {
  making: Making;
  feed: FeedOptions;
  files: FeedFiles;
  report: FeedReport;
  pass: Pass;
}

async function readManifests(reading: Reading): Promise<void> {
  const { making, feed, report, pass } = reading;
  for (const file of manifestFiles(feed.manifests, 'manifest')) {
    report.files++;
    let end = 0;
    for await (const lines of pass.linesOf(file.path, BATCH)) {
      const batch = await lookAtAll(reading, file, lines);
      await making.backend.transact((tx) => addCounts(report.counts, enterLines(tx, feed, batch, making.olderRows)));
      end = endOf(lines) ?? end;
    }
    await enterEnd(making.backend, feed, file, end);
  }
}

/** The lines of this feed, each with its evidence. The others are counted. */
async function lookAtAll(
  { making, feed, files, report }: Reading,
  file: FoundManifest,
  lines: readonly ReadLine[],
): Promise<Line[]> {
  const batch: Line[] = [];
  for (const line of lines) {
    if (!line.record) {
      noteForeign(report, file.path, line);
      continue;
    }
    const of = line.record.feed ?? feed.name;
    if (of === feed.name) batch.push(await lookAt(making, line.record, file, feed, files));
    else if (!report.otherFeeds.includes(of)) report.otherFeeds.push(of);
  }
  return batch;
}

const endOf = (lines: readonly ReadLine[]): number | undefined =>
  lines.findLast((line): line is Extract<ReadLine, { endAt: number }> => line.record !== undefined)?.endAt;

/** The committed end of a file that still gets appends: after the last whole record, so that foreign bytes there are reported. */
async function enterEnd(backend: Backend, feed: FeedOptions, file: FoundManifest, end: number): Promise<void> {
  if (!file.current) return;
  const inode = Number(statSync(file.path).ino);
  await backend.transact((tx) => {
    tx.run(
      'INSERT OR REPLACE INTO manifest_ends (file, feed, inode, end_at) VALUES (?, ?, ?, ?)',
      ...[file.path, feed.name, inode, end],
    );
  });
}
