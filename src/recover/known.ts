/**
 * Does this state know what the manifests say? One that does not (lost, or restored from an older copy) must not ingest:
 * it would take the same content twice.
 * Looked at: every hour from that of the newest committed end on, behind the committed end of each file; where nothing was
 * ever committed, all of them. A line counts as known by its content's row, by its discarded job, or when it was withdrawn.
 * Does not: read on behind the newest hour at each start: what was confirmed once is not asked again.
 */
import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { QueueView } from '../../queue/index.js';
import type { FeedOptions } from '../config/options.js';
import { EnvironmentError } from '../errors.js';
import { errnoOf } from '../files/place-error.js';
import { contentByHash } from '../ledger/content.js';
import { markerAt, refuseWhileRebuilding } from '../ledger/root-locks.js';
import { possibleWork } from '../ledger/work-place.js';
import { type FoundManifest, linesOf, manifestFiles, type ReadRecord } from '../manifest/read.js';
import { UnreadableManifest } from '../manifest/unpack.js';
import type { JobFacts } from '../stages/job.js';
import { Withdrawn } from './withdrawn.js';

type State = Pick<QueueView, 'read' | 'job'>;

/** Errors: EnvironmentError `state_older_than_manifests`. A root that cannot be read is left to the gates. */
export async function checkManifestsKnown(state: State, feed: FeedOptions): Promise<void> {
  const newest = newestCommittedHour(state, feed.manifests);
  const withdrawn = new Withdrawn();
  for (const file of readable(feed.manifests)) {
    if (newest !== undefined && (file.hour === undefined || file.hour < newest)) continue;
    for await (const record of recordsOf(feed, file.path, committedEnd(state, feed.manifests, file))) {
      if (isKnown(state, feed, record) || (await withdrawn.has(dirname(file.path), record.ingestId))) continue;
      throw new EnvironmentError(
        'state_older_than_manifests',
        `${file.path} has a record (${record.sha256}) that this state does not know, so the state is lost or older than the manifests: stop everything and run ingest-ctl rebuild with the feed's options, or ingesting again would store contents twice.`,
      );
    }
  }
}

/**
 * Before a start makes a state: is there one that belongs to these folders, and was lost? Refused before anything is
 * made, so that no new, empty state is left behind that hides the loss.
 */
export async function refuseLostState(statePath: string, feeds: readonly FeedOptions[]): Promise<void> {
  if (existsSync(statePath)) return;
  const lost = await findLoss(statePath, feeds);
  // Another process of this very start may have made the state, and the markers, while we looked.
  if (lost !== undefined && !existsSync(statePath)) throw lost;
}

async function findLoss(statePath: string, feeds: readonly FeedOptions[]): Promise<EnvironmentError | undefined> {
  for (const feed of feeds) {
    for (const root of [feed.manifests, ...possibleWork(feed)]) {
      const marker = markerAt(root);
      if (marker?.state === undefined) continue;
      if (!existsSync(statePath)) refuseWhileRebuilding(root);
      return marker.statePath === statePath
        ? lostState(statePath, root)
        : otherState(statePath, root, marker.statePath);
    }
    const record = await anyRecord(feed);
    if (record !== undefined) return lostState(statePath, record);
  }
  return undefined;
}

const lostState = (statePath: string, root: string): EnvironmentError =>
  new EnvironmentError(
    'state_lost',
    `the state ${statePath} is gone, but ${root} was written for one: put the file back, or run ingest-ctl rebuild with the options of all its feeds; a new, empty state would store contents twice.`,
  );

const otherState = (statePath: string, root: string, other = 'of another path'): EnvironmentError =>
  new EnvironmentError(
    'second_state',
    `${root} belongs to the state ${other}, and ${statePath} would be another one: two states would ingest the same content twice. Use that state (--state-path), or, if it is lost, run ingest-ctl rebuild with the options of all its feeds.`,
  );

/** A manifest file with a record of this feed that stands. */
async function anyRecord(feed: FeedOptions): Promise<string | undefined> {
  const withdrawn = new Withdrawn();
  for (const { path } of readable(feed.manifests)) {
    for await (const record of recordsOf(feed, path, 0)) {
      if (!(await withdrawn.has(dirname(path), record.ingestId))) return path;
    }
  }
  return undefined;
}

function* readable(root: string): Generator<FoundManifest> {
  try {
    yield* manifestFiles(root, 'manifest');
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/** A file that is rotated or compressed just now says nothing; one that stays unreadable is met by the appends. */
async function* recordsOf(feed: FeedOptions, path: string, from: number): AsyncGenerator<ReadRecord> {
  try {
    for await (const { record } of linesOf(path, from)) {
      if (record !== undefined && (record.feed ?? feed.name) === feed.name) yield record;
    }
  } catch (error) {
    if (!(error instanceof UnreadableManifest)) throw error;
  }
}

function newestCommittedHour(state: State, root: string): string | undefined {
  const newest = state.read((r) =>
    r.get<{ file: string | null }>(
      "SELECT max(file) AS file FROM manifest_ends WHERE substr(file, 1, ?) = ? AND file GLOB '*/manifest.jsonl'",
      root.length + 1,
      `${root}/`,
    ),
  )?.file;
  return newest?.slice(root.length + 1, -'/manifest.jsonl'.length);
}

/** Of the file that appends went to, also after it was rotated under another name. */
function committedEnd(state: State, root: string, file: FoundManifest): number {
  const known = state.read((r) =>
    r.get<{ inode: number; end_at: number }>(
      'SELECT inode, end_at FROM manifest_ends WHERE file = ?',
      `${root}/${file.hour}/manifest.jsonl`,
    ),
  );
  return known !== undefined && statSync(file.path, { throwIfNoEntry: false })?.ino === known.inode ? known.end_at : 0;
}

function isKnown(state: State, feed: FeedOptions, { sha256, ingestId }: ReadRecord): boolean {
  const content = state.read((r) => contentByHash(r, feed.name, Buffer.from(sha256, 'hex')));
  // A content that is carried and not even planned had no line when this copy of the state was made.
  if (content !== undefined && (content.state !== 'carried' || content.target !== null)) return true;
  // Its carrier was discarded after the line: the content is free, and the job says so.
  const job = state.job(ingestId);
  return job?.state === 'done' || (job?.payload as Partial<JobFacts> | undefined)?.putAway?.kind === 'discarded';
}
