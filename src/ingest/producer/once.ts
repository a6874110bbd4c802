/**
 * `--once`: finds out when nothing is left to do, and which files are left over.
 * At the end, a check of `underprocess/` and a scan of every input find nothing new; both begin after the last settlement. The queue
 * then has only held jobs, jobs that wait for one of them, and files that only their uploader can complete. These files have no
 * sidecar, are open for writing, or have the sign of a cut upload. What could not be looked at is named too.
 * Does not: end while a gate keeps jobs from running, but for a bucket that cannot be used: those files are stored.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend, Gate } from '../../../queue/backend.js';
import { limits as queueLimits } from '../../../queue/limits.js';
import { trailOf } from '../../../queue/trail.js';
import type { FeedOptions } from '../../base/config/options.js';
import { PUBLISH } from '../../base/config/values/stage-names.js';
import { pages } from '../../base/pages.js';
import type { Named, OnceDone } from '../../base/process/protocol.js';
import type { PlaceKind } from '../../files/place-error.js';
import { bytesOfName, nameOfBytes, shownName } from '../../linux/names.js';
import { ON_TRIAL } from '../health/episode.js';
import { isDue } from '../periods/close.js';
import { countUnpublished, isPublishing } from '../publishing/due.js';
import type { FeedProducer } from './feed-producer.js';

/** The most names in each list of the report. */
const NAMES_MAX = 100;
const PAGE = 500;
/** A file that stays open for writing is waited for at least this long, and for at least two windows. */
const OPEN_MS = 10_000;
/** A bucket that cannot be used is asked again for so long: one lost answer must not end a run. */
const BUCKET_AWAY_MS = 5_000;
/** Fewer failures of one object in a row may be of a moment, on a busy machine too. */
const FAILURES = 5;
/** A store that asks for less at some keys for so long does not take them in this run. */
const SLOW_MS = 300_000;
/** Reasons of verify-complete that only the uploader can end. */
const OPEN_REASONS = new Set(['writer_open', 'sidecar_open']);

interface ReadyRow {
  due_ms: number;
  seq: number;
  key: Buffer;
  reason: string | null;
  trail: string;
}

type Leftover = Omit<OnceDone, 'kind'>;

/** Returns the files that are left over, or undefined if `stop` was aborted. `adopt`: adopts orphans of `underprocess/`, returns how many. */
export async function untilNothingLeft(
  backend: Backend,
  producers: readonly FeedProducer[],
  adopt: () => Promise<number>,
  stop: AbortSignal,
): Promise<OnceDone | undefined> {
  await backend.transact((tx) => {
    // A run finds out for itself whether a bucket can be used: it ends while one cannot.
    for (const gate of tx.gates()) if (gate.place === BUCKET) tx.openGate(gate);
  });
  const episodes = new Episodes();
  for (let quiet = 0; !stop.aborted; ) {
    const left = leftover(backend, producers, episodes);
    // Asked twice, with a pause longer than a rescue takes: a process that has just died may have had jobs.
    quiet = left === undefined ? 0 : quiet + 1;
    if (left !== undefined && quiet >= 2) {
      const taken = sum(producers, ({ taken }) => taken);
      const adopted = await adopt();
      await Promise.all(producers.map((producer) => producer.scan()));
      if (stop.aborted) break;
      const after = leftover(backend, producers, episodes);
      const isNew = adopted > 0 || sum(producers, ({ taken }) => taken) > taken;
      if (after !== undefined && !isNew) return { kind: 'once_done', ...after };
      quiet = 0;
    }
    await sleep(queueLimits.rescueEveryMs, undefined, { signal: stop }).catch(() => undefined);
  }
  return undefined;
}

/** Feeds whose bucket cannot be used. An episode is over when its gate has stayed open for the time of a trial. */
class Episodes {
  readonly fromMs = Date.now();
  #since = new Map<string, number>();

  away(gates: readonly Gate[]): ReadonlySet<string> {
    const ofBuckets = gates.filter(({ place }) => place === BUCKET);
    const now = performance.now();
    this.#since = new Map(ofBuckets.map(({ feed }) => [feed, this.#since.get(feed) ?? now]));
    const isAway = ({ feed, stage }: Gate): boolean =>
      stage !== ON_TRIAL && now - this.#since.get(feed)! >= BUCKET_AWAY_MS;
    return new Set(ofBuckets.filter(isAway).map(({ feed }) => feed));
  }
}

/**
 * Undefined: there is still something to do. At one moment: a job that is claimed between two reads would be neither ready nor claimed,
 * and the run would end with 0 while its file is in the input.
 */
const leftover = (backend: Backend, producers: readonly FeedProducer[], episodes: Episodes): Leftover | undefined =>
  backend.read(() => leftoverNow(backend, producers, episodes));

function leftoverNow(backend: Backend, producers: readonly FeedProducer[], episodes: Episodes): Leftover | undefined {
  if (sum(producers, ({ marked }) => marked) > 0 || backend.wakes || isWorking(backend, producers)) return undefined;
  const first = backend.stages[0]!;
  const left: Leftover = {
    held: named(),
    open: named(),
    withoutSidecar: named(),
    partial: named(),
    twins: named(),
    unpublished: named(),
    unread: named(),
    others: named(),
  };
  // Everything else is done: the bucket may be away for long, and the files are stored.
  const away = episodes.away(backend.gates());
  for (const { feed, stage, ready, deferred, claimed, waiting, held } of backend.stats()) {
    if (!producers.some((producer) => producer.feed.name === feed)) {
      addOther(left.others, feed, ready + deferred + claimed + waiting);
      continue;
    }
    left.held.count += held;
    const isAway = stage === PUBLISH && away.has(feed);
    if (isAway) left.unpublished.count += ready + deferred + waiting;
    else if (stage !== PUBLISH) left.twins.count += waiting;
    if (isAway && claimed === 0) continue;
    // Not asked while many wait for the stage.
    const failing = stage === PUBLISH && ready + claimed === 0 ? countFailing(backend, feed, episodes.fromMs) : 0;
    if (failing > 0 && failing === deferred) {
      left.unpublished.count += failing;
      continue;
    }
    if (claimed > 0 || (stage !== first && ready + deferred > 0)) return undefined;
  }
  for (const { feed } of producers) if (!onlyUploadersTurn(backend, feed, first, left)) return undefined;
  for (const { feed } of producers)
    for (const job of backend.held({ feed: feed.name, limit: NAMES_MAX })) addName(left.held, feed, job.key);
  for (const { feed, unread } of producers) {
    left.unread.count += unread.size;
    for (const path of unread) addName(left.unread, feed, bytesOfName(path));
  }
  // An hour or a day that has ended meanwhile must get its marker.
  const isOwed = ({ feed }: FeedProducer): boolean =>
    isDue(backend, feed) ||
    (feed.publish !== undefined && !away.has(feed.name) && backend.read((reader) => isPublishing(reader, feed)));
  if (producers.some(isOwed)) return undefined;
  for (const { feed } of producers)
    if (away.has(feed.name)) left.unpublished.count += backend.read((reader) => countUnpublished(reader, feed));
  return left;
}

/** Stored files that the store has refused for so long in this run, while it answers others. */
const countFailing = (backend: Backend, feed: string, fromMs: number): number =>
  backend
    .read((reader) => reader.all<Pick<ReadyRow, 'trail' | 'reason'>>(FAILING, feed))
    .filter(({ trail, reason }) => {
      if (reason === 'bucket_slow') return lastedMs(trail, fromMs) >= SLOW_MS;
      return lastedMs(trail, fromMs) >= BUCKET_AWAY_MS && trailOf(trail).at(-1)!.count >= FAILURES;
    }).length;

const FAILING = `SELECT trail, reason FROM all_jobs WHERE feed = ? AND state = 'ready' AND stage = '${PUBLISH}' AND reason IN ('bucket_fails', 'bucket_slow')`;

/** Asked before the jobs are counted: while a million wait, counting them four times a second costs half a core. */
const isWorking = (backend: Backend, producers: readonly FeedProducer[]): boolean =>
  backend.read((reader) =>
    producers.some(({ feed }) =>
      reader.get("SELECT 1 FROM all_jobs WHERE state = 'claimed' AND feed = ? LIMIT 1", feed.name),
    ),
  );

/** True where each job of the first stage waits only for its uploader. Adds these jobs to `left`. */
function onlyUploadersTurn(backend: Backend, feed: FeedOptions, stage: string, left: Leftover): boolean {
  const waitMs = Math.max(OPEN_MS, 2 * Math.max(feed.stabilitySeconds * 1_000, feed.quietMs));
  const pageAfter = ({ due_ms: dueMs, seq } = { due_ms: -1, seq: -1 }) =>
    backend.read((reader) => reader.all<ReadyRow>(READY, stage, feed.name, dueMs, seq));
  for (const page of pages<ReadyRow>(pageAfter))
    for (const row of page) {
      const list = uploadersTurn(row, waitMs, left, backend.nowMs());
      if (list === undefined) return false;
      list.count += 1;
      addName(list, feed, row.key);
    }
  return true;
}

const READY = `SELECT due_ms, seq, key, reason, trail FROM all_jobs
  WHERE state = 'ready' AND stage = ? AND feed = ? AND (due_ms, seq) > (?, ?) ORDER BY due_ms, seq LIMIT ${PAGE}`;

function uploadersTurn(row: ReadyRow, waitMs: number, left: Leftover, nowMs: number): Named | undefined {
  const { reason, trail, due_ms: dueMs } = row;
  // A worker is about to handle it.
  if (dueMs <= nowMs || reason === null) return undefined;
  if (reason === 'no_sidecar') return left.withoutSidecar;
  if (reason === 'partial_upload') return dueMs - nowMs > waitMs ? left.partial : undefined;
  return OPEN_REASONS.has(reason) && lastedMs(trail) >= waitMs ? left.open : undefined;
}

/** How long the last step of a job has come again and again, counted from then. */
function lastedMs(trail: string, fromMs = 0): number {
  const last = trailOf(trail).at(-1);
  return last ? last.lastAtMs - Math.max(last.firstAtMs, fromMs) : 0;
}

const BUCKET: PlaceKind = 'bucket';

const named = (): Named => ({ count: 0, names: [] });

function addName(list: Named, feed: FeedOptions, key: Buffer): void {
  if (list.names.length < NAMES_MAX) list.names.push(`${feed.input}/${shownName(nameOfBytes(key))}`);
}

function addOther(list: Named, feed: string, count: number): void {
  list.count += count;
  if (count > 0 && !list.names.includes(feed)) list.names.push(feed);
}

const sum = (producers: readonly FeedProducer[], of: (producer: FeedProducer) => number): number =>
  producers.reduce((total, producer) => total + of(producer), 0);
