/**
 * Checks that this state knows all lines of the manifests. A state that does not (lost, or restored from an older copy) must not
 * ingest: it would take the same content twice.
 * It reads lines and corrections in every hour, after the committed end of each file. The clock may have been set back, and a
 * withdrawal writes into the hour of its line, however old.
 * Does not: read lines again that were confirmed, except in rotated manifests of the newest hour and in rotated corrections.
 */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Reader } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import { isStateThere } from '../../base/config/state-path.js';
import { EnvironmentError } from '../../base/errors.js';
import { typed } from '../../base/shell.js';
import { errnoOf } from '../../files/place-error.js';
import { type InState, knowsCorrection, knowsLine } from '../evidence/known-lines.js';
import { contentOfGeneration, generationsOf } from '../ledger/content.js';
import {
  type FoundManifest,
  generationOf,
  isOfFeed,
  linesOf,
  type ManifestKind,
  manifestFiles,
  type ReadRecord,
} from '../manifest/read.js';
import { UnreadableManifest } from '../manifest/unpack.js';
import type { JobFacts } from '../rules/facts.js';
import { movedRoots } from './follow-moved.js';
import { markerAt, refuseWhileRebuilding } from './root-locks.js';
import { possibleWork } from './work-place.js';

const SLICE_MS = 20;

type State = Pick<QueueView, 'read' | 'job' | 'feeds'>;
type Readable = Pick<FeedOptions, 'name' | 'manifests'>;
/** A command may have been given only some folders of a feed. */
export type FeedFolders = Pick<FeedOptions, 'name'> & Partial<Pick<FeedOptions, 'input' | 'workDir' | 'manifests'>>;

/** Errors: EnvironmentError `state_older_than_manifests`. A root that cannot be read is left to the gates. */
export async function checkManifestsKnown(state: State, feed: FeedOptions): Promise<void> {
  const known = knownAs(state, feed);
  const newest = newestCommittedHour(state, known);
  for await (const file of readable(feed.manifests)) {
    const isOld = newest !== undefined && (file.hour === undefined || file.hour < newest);
    const { end, again, isAtEnd } = committed(state, known, file);
    if (isAtEnd || (file.kind === 'manifest' && isOld && again)) continue;
    for await (const record of recordsOf(feed, file.path, end))
      if (!(await isKnown(state, feed, file, record, again))) throw older(file, record);
  }
}

async function isKnown(
  state: State,
  feed: FeedOptions,
  file: FoundManifest,
  record: ReadRecord,
  again: boolean,
): Promise<boolean> {
  const { ingestId, fields } = record;
  if (file.kind === 'corrections')
    return knowsCorrection(typeof fields.by === 'string', { ingestId, again }, inState(state, feed, record));
  const generation = generationOf(record);
  const line = { ingestId, generation, hour: file.hour, again };
  if (knowsLine(line, inState(state, feed, record, generation))) return true;
  return (await givenUpIn(feed, dirname(file.path))).has(ingestId);
}

/**
 * The paths that rows have for the manifests. Those of before count until a process of this start lets the rows follow. None for a feed
 * that the state does not have, or has no more: another feed with the same manifests may have made the ends.
 */
function knownAs(state: State, feed: FeedOptions): string[] {
  if (!state.feeds().some(({ name }) => name === feed.name)) return [];
  const moved = movedRoots(state, [feed]).filter(({ kind }) => kind === 'manifests');
  return [...moved.map(({ from }) => from), feed.manifests];
}

/** The ids of lines, in or below a folder, that were taken back because their files never arrived: their contents are free. */
async function givenUpIn(feed: Pick<Readable, 'name'>, folder: string): Promise<Set<string>> {
  const ids = new Set<string>();
  for await (const file of readable(folder, 'corrections')) {
    for await (const { fields, ingestId } of recordsOf(feed, file.path, 0))
      if (typeof fields.by !== 'string') ids.add(ingestId);
  }
  return ids;
}

const older = ({ path, kind }: FoundManifest, { sha256 }: ReadRecord): EnvironmentError =>
  new EnvironmentError(
    'state_older_than_manifests',
    `${path} has a ${kind === 'manifest' ? 'record' : 'correction'} (${sha256}) that this state does not know, so the state is lost or older than the manifests: stop everything and run ${typed('ingest-ctl rebuild')} with the feed's options, or contents would be stored twice.`,
  );

/** `generation`: undefined for a correction, which has only the ingest id. */
function inState(state: State, feed: FeedOptions, { sha256: hex, ingestId }: ReadRecord, generation?: number): InState {
  const sha256 = Buffer.from(hex, 'hex');
  const row = state.read((r) => {
    if (generation !== undefined) return contentOfGeneration(r, feed.name, sha256, generation);
    const all = generationsOf(r, feed.name, sha256);
    return all.find((one) => one.ingestId === ingestId) ?? all.find(({ state }) => state === 'pruned');
  });
  const job = state.job(ingestId);
  const putAway = (job?.payload as Partial<JobFacts> | undefined)?.putAway?.kind;
  const hasEnded = job !== undefined && (job.state === 'done' || putAway === 'discarded');
  return {
    row,
    job: job === undefined ? 'none' : hasEnded ? 'ended' : 'under_way',
    corrected: state.read((r) => r.get(OWED, hex, ingestId)) !== undefined,
  };
}

/** A correction is recorded by its job. That is the job of the line only where the line's job was discarded. */
const OWED = `SELECT 1 FROM corrections WHERE line ->> '$.sha256' = ? AND line ->> '$.ingest_id' = ?`;

/**
 * Runs before a start makes a new state, and in a command that finds no state. Refuses where these folders belonged to a state that
 * was lost. Nothing is made before, so no new, empty state is left that would hide the loss.
 */
export async function refuseLostState(statePath: string, feeds: readonly FeedFolders[]): Promise<void> {
  if (isStateThere(statePath)) return;
  const lost = await findLoss(statePath, feeds);
  // Another process of this same start may have made the state and the markers meanwhile.
  if (lost !== undefined && !isStateThere(statePath)) throw lost;
}

async function findLoss(statePath: string, feeds: readonly FeedFolders[]): Promise<EnvironmentError | undefined> {
  for (const feed of feeds) {
    for (const root of rootsOf(feed)) {
      const marker = markerAt(root);
      if (marker?.state === undefined) continue;
      if (!isStateThere(statePath)) refuseWhileRebuilding(root);
      return marker.statePath === statePath
        ? lostState(statePath, root)
        : otherState(statePath, root, marker.statePath);
    }
    const record = feed.manifests === undefined ? undefined : await anyRecord({ ...feed, manifests: feed.manifests });
    if (record !== undefined) return lostState(statePath, record);
  }
  return undefined;
}

const rootsOf = ({ input, workDir, manifests }: FeedFolders): string[] => [
  ...(manifests === undefined ? [] : [manifests]),
  ...(input === undefined ? [] : possibleWork({ input, workDir })),
];

const lostState = (statePath: string, root: string): EnvironmentError =>
  new EnvironmentError(
    'state_lost',
    `the state ${statePath} is gone, but ${root} was written for one: put the file back, or run ${typed('ingest-ctl rebuild')} with the options of all its feeds; a new, empty state would store contents twice.`,
  );

const otherState = (statePath: string, root: string, other = 'of another path'): EnvironmentError =>
  new EnvironmentError(
    'second_state',
    `${root} belongs to the state ${other}, and ${statePath} would be another one: two states would ingest the same content twice. Use that state (--state-path), or, if it is lost, run ${typed('ingest-ctl rebuild')} with the options of all its feeds.`,
  );

/** A manifest file with a record of this feed whose content would be known: any record but those of files that were given up. */
async function anyRecord(feed: Readable): Promise<string | undefined> {
  const givenUp = await givenUpIn(feed, feed.manifests);
  for await (const { path } of readable(feed.manifests, 'manifest')) {
    for await (const { ingestId } of recordsOf(feed, path, 0)) if (!givenUp.has(ingestId)) return path;
  }
  return undefined;
}

/**
 * Without folders that this user may not read, such as an archive of somebody else. The files of years may take minutes on a network
 * filesystem, so the event loop runs on meanwhile: a process without heartbeats is killed.
 */
async function* readable(root: string, wanted?: ManifestKind): AsyncGenerator<FoundManifest> {
  const found = manifestFiles(root, 'all', (error) => {
    if (errnoOf(error) === undefined) throw error;
  });
  let sliceEnd = performance.now() + SLICE_MS;
  for (const file of found) {
    if (performance.now() > sliceEnd) {
      await setImmediate();
      sliceEnd = performance.now() + SLICE_MS;
    }
    if (wanted === undefined || file.kind === wanted) yield file;
  }
}

/** A file that is being rotated or compressed gives no records. The appends report one that stays unreadable. */
async function* recordsOf(feed: Pick<Readable, 'name'>, path: string, from: number): AsyncGenerator<ReadRecord> {
  try {
    for await (const { record } of linesOf(path, from)) {
      if (record !== undefined && isOfFeed(feed, record)) yield record;
    }
  } catch (error) {
    if (!(error instanceof UnreadableManifest)) throw error;
  }
}

function newestCommittedHour(state: State, roots: readonly string[]): string | undefined {
  // "0" follows "/".
  const sql = `SELECT file FROM manifest_ends WHERE file > ? || '/' AND file < ? || '0' AND file GLOB '*/manifest.jsonl'
    ORDER BY file DESC LIMIT 1`;
  return inFirst(state, roots, (r, root) => {
    const newest = r.get<{ file: string }>(sql, root, root)?.file;
    return newest?.slice(root.length + 1, -'/manifest.jsonl'.length);
  });
}

/** In one read: rows move from one root to the next. */
const inFirst = <T>(state: State, roots: readonly string[], find: (r: Reader, root: string) => T | undefined) =>
  state.read((r) => {
    for (const root of roots) {
      const found = find(r, root);
      if (found !== undefined) return found;
    }
    return undefined;
  });

interface Committed {
  end: number;
  /** It is not known as the file that appends went to, and is read from its beginning at each start. */
  again: boolean;
  /** Nothing was added since. */
  isAtEnd: boolean;
}

/** The known end of a file. It is that of the file that appends went to, also after that file was rotated to another name. */
function committed(state: State, roots: readonly string[], file: FoundManifest): Committed {
  const known = inFirst(state, roots, (r, root) =>
    r.get<{ inode: number; end_at: number }>(
      'SELECT inode, end_at FROM manifest_ends WHERE file = ?',
      `${root}/${file.hour}/${file.kind}.jsonl`,
    ),
  );
  // A feed that was retired and comes back has no end of any file.
  if (known === undefined) return { end: 0, again: !file.current || roots.length === 0, isAtEnd: false };
  const stat = statSync(file.path, { throwIfNoEntry: false });
  const isAtEnd = stat?.size === known.end_at;
  return stat?.ino === known.inode
    ? { end: known.end_at, again: false, isAtEnd }
    : { end: 0, again: true, isAtEnd: isAtEnd && file.current };
}
