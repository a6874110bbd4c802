/**
 * Offers found files to the queue. A read first finds out which files are known already.
 * Guarantees: a known, unchanged file costs no write and no wait. A known file that changed makes its job due at once. A path
 * whose job is claimed at the moment is returned as `busy`, to be offered again.
 */
import type { Backend, Candidate, Holder, Job } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { bytesOfName, nameOfBytes } from '../../linux/names.js';
import type { OpenRoot, QueuedPath } from '../../watcher/engine/index.js';
import { dueInMs, stabilityMs } from '../rules/completion.js';
import { factsOf, type JobFacts, type Observation, payloadOf } from '../rules/facts.js';
import { countedBytes } from '../rules/identity.js';
import { sameBytes } from '../rules/verified.js';
import { type FoundFile, statPaths } from './stat-paths.js';

const WAITING = `SELECT 1 FROM all_jobs WHERE feed = ? AND key = ? AND keyed = 1 AND state = 'ready' AND reason = ?`;
/** As many are looked at after a scan: a stat of each, while nothing else is delivered. */
const LOOKED_AT = 1_000;
const WAITING_AFTER = `SELECT seq, feed, key, identity, bytes, payload FROM all_jobs
  WHERE why = ? AND feed = ? AND stage = ? AND seq > ? AND state = 'ready' AND reason IS NOT NULL ORDER BY seq LIMIT ${LOOKED_AT}`;
const NO_SIDECAR = 'no_sidecar';
/** A job that was never checked has no reason yet. */
const OF_A_WINDOW: readonly (string | null)[] = [null, 'window', 'changed'];

export interface Offered {
  /** Files that became jobs, or reopened one. */
  taken: number;
  busy: FoundFile[];
  /** New jobs that wait for a sidecar. */
  alone: Wanted[];
}

interface Wanted {
  file: FoundFile;
  candidate: Candidate;
}

export interface Offering {
  backend: Backend;
  feed: FeedOptions;
  /** `clockEpoch` of this process. */
  boot: string;
}

/** Rejects when the state cannot be read or written. */
export async function offer(files: readonly FoundFile[], offering: Offering): Promise<Offered> {
  const wanted = withoutKnown(files, offering);
  const offered: Offered = { taken: 0, busy: [], alone: [] };
  const answers = await offering.backend.enqueue(wanted.map(({ candidate }) => candidate));
  answers.forEach((answer, n) => {
    if (answer === 'new') offered.taken += 1;
    if (answer === 'new' && wanted[n]!.candidate.why === NO_SIDECAR) offered.alone.push(wanted[n]!);
    if (answer === 'busy') offered.busy.push(wanted[n]!.file);
  });
  return offered;
}

/**
 * In sidecar mode: removes the paths that a scan found by their own name alone, and whose job waits for a sidecar. When the sidecar
 * arrives it is found by its own name, and the file is checked then.
 */
export function withoutWaiting(paths: readonly QueuedPath[], { backend, feed }: Offering): QueuedPath[] {
  return backend.read((rows) =>
    paths.filter(({ path, by }) => by !== 'scan' || !rows.get(WAITING, feed.name, bytesOfName(path), NO_SIDECAR)),
  );
}

/**
 * Checks files that wait for a sidecar once more. Another job may have sealed file and sidecar between the check and the offer:
 * then the new job would name for a day a file that is stored.
 */
export const checkAgain = (alone: readonly Wanted[], root: OpenRoot, { backend }: Offering): Promise<void> =>
  endGone(
    alone.map(({ candidate }) => candidate),
    root,
    backend,
    (candidate) => candidate,
  );

interface WaitingRow extends Pick<Candidate, 'feed' | 'key' | 'identity' | 'bytes'> {
  seq: number;
  payload: string;
}

/**
 * Looks for the next files that wait for a sidecar: one that its uploader took away or renamed would be named for a day. `after`: the
 * answer of the call before. Returns 0 after the last of them.
 */
export async function lookForWaiting(after: number, root: OpenRoot, { backend, feed }: Offering): Promise<number> {
  const rows = backend.read((reader) =>
    reader.all<WaitingRow>(WAITING_AFTER, NO_SIDECAR, feed.name, backend.stages[0]!, after),
  );
  await endGone(rows, root, backend, ({ seq: _, payload, ...row }) => ({
    ...row,
    payload: JSON.parse(payload),
    dueInMs: 0,
  }));
  return rows.length < LOOKED_AT ? 0 : rows.at(-1)!.seq;
}

/** A job whose file is gone is due at once, and ends as vanished. */
async function endGone<T extends Pick<Candidate, 'feed' | 'key'>>(
  waiting: readonly T[],
  root: OpenRoot,
  backend: Backend,
  candidateOf: (one: T) => Candidate,
): Promise<void> {
  if (waiting.length === 0) return;
  const paths = waiting.map(({ key }): QueuedPath => ({ path: nameOfBytes(key), by: 'scan' }));
  const { files, failed } = statPaths(paths, root, undefined);
  const there = new Set([...files, ...failed].map(({ path }) => path));
  const gone = waiting.filter((_, n) => !there.has(paths[n]!.path));
  if (gone.length === 0) return;
  const keys = gone.map(({ key }) => key);
  const holders = backend.holders(gone[0]!.feed, keys);
  const left = gone.filter((_, n) => holders[n]?.reason === NO_SIDECAR);
  if (left.length > 0) await backend.enqueue(left.map((one) => ({ ...candidateOf(one), nudge: true })));
}

function withoutKnown(files: readonly FoundFile[], offering: Offering): Wanted[] {
  const { backend, feed } = offering;
  const holders = backend.holders(
    feed.name,
    files.map(({ path }) => bytesOfName(path)),
  );
  const wanted: Wanted[] = [];
  files.forEach((file, n) => {
    const holder = holders[n];
    // A writer that closes its file changes nothing about it. Without this, its job would ask again only after up to a minute.
    const closed = holder?.reason === 'writer_open' && file.by === 'write';
    // The sidecar arrived while its job was looking for it.
    const missed = holder?.reason === NO_SIDECAR && file.hasSidecar;
    // An earlier observation, by a scan or for its sidecar, would make the file wait. A rename into place need not wait.
    const renamed = file.by === 'rename' && dueInMs(feed, file, file.hasSidecar) === 0;
    const late = holder !== undefined && waitsTooLong(holder, offering);
    if (holder?.identity === file.identity && !closed && !missed && !renamed && !late) return;
    const decided = holder?.state === 'held' ? decidedFor(backend.job(holder.id), file) : {};
    wanted.push({ file, candidate: candidateOf(file, offering, holder !== undefined, decided) });
  });
  return wanted;
}

/** The options of the feed were others when it began to wait. */
function waitsTooLong({ state, reason, dueMs }: Holder, { backend, feed }: Offering): boolean {
  if (state !== 'ready') return false;
  const leftMs = dueMs - backend.nowMs();
  if (reason === 'partial_upload')
    return leftMs > Math.max((feed.partialUploadSeconds ?? 0) * 1_000, stabilityMs(feed));
  return OF_A_WINDOW.includes(reason) && leftMs > stabilityMs(feed);
}

/**
 * Outlives another version of a held file: the mount in which its sidecar may be sealed; and an operator's decision, which is about
 * its bytes, where a chmod made the version, which is how a refused move is often helped.
 */
function decidedFor(job: Job | undefined, file: FoundFile): Decided {
  const { seen, putAway, inside } = job ? factsOf(job) : {};
  const isSame = seen && putAway && sameBytes(seen.identity, { version: file.fileIdentity });
  return { ...(isSame && { putAway }), ...(inside !== undefined && { inside }) };
}

type Decided = Pick<JobFacts, 'putAway' | 'inside'>;

function candidateOf(file: FoundFile, { backend, feed, boot }: Offering, nudge: boolean, decided: Decided): Candidate {
  const seen: Observation = { identity: file.fileIdentity, sinceMs: backend.nowMs(), boot, by: file.by };
  return {
    feed: feed.name,
    key: bytesOfName(file.path),
    identity: file.identity,
    bytes: countedBytes(file.size),
    payload: payloadOf({ seen, ...decided }),
    dueInMs: dueInMs(feed, file, file.hasSidecar),
    ...(feed.mode === 'sidecar' && !file.hasSidecar && { why: NO_SIDECAR }),
    nudge,
  };
}
