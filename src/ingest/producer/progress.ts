/**
 * How far the files of a state are, once a second, for the line of progress. Silence would look like a fault, so a file that only waits for its window is named.
 * Only one process of a state reports it: the producer.
 */
import { lstatSync, statSync } from 'node:fs';
import type { Backend, StageStats } from '../../../queue/backend.js';
import { trailOf } from '../../../queue/trail.js';
import { appliesTo, type IngestStage, STAGE_NAMES } from '../../base/config/values/stage-names.js';
import type { Progress } from '../../base/process/protocol.js';
import { onTheWay, processed } from '../../base/telemetry/metrics.js';
import { unlessRefused } from '../../files/place-error.js';
import { nameOfBytes, shownName } from '../../linux/names.js';
import { recordedRoots } from '../files/recorded-roots.js';
import { stuckFeeds } from '../health/episode.js';
import { jobsInProgress } from '../health/in-progress.js';
import { readSoFar } from '../health/read-so-far.js';
import type { JobFacts, Observation } from '../rules/facts.js';
import { identityOf } from '../rules/identity.js';
import { unchanged } from '../rules/verified.js';
import { waitsOf, waitsText, waitsTogether } from '../stages/waits.js';

const EVERY_MS = 1_000;

/** Reports at once and then every second. The returned function ends this, with a last report. */
export function startProgress(backend: Backend, report: (progress: Progress) => void): () => void {
  const passes = new Passes(backend);
  const reportNow = () => report(progressNow(backend, passes));
  reportNow();
  const timer = setInterval(reportNow, EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    reportNow();
  };
}

/** The stages that read each byte of a file, by feed. A move does where it copies. */
class Passes {
  readonly #of = new Map<string, readonly string[]>();

  constructor(private readonly backend: Backend) {}

  /** The part of a file that is done when it comes to this stage, and the part that this stage does. */
  parts(feed: string, stage: string): { before: number; its: number } {
    const reading = this.#of.get(feed) ?? this.#known(feed);
    const order = STAGE_NAMES.indexOf(stage as IngestStage);
    const before = reading.filter((one) => STAGE_NAMES.indexOf(one as IngestStage) < order).length;
    return { before: before / reading.length, its: reading.includes(stage) ? 1 / reading.length : 0 };
  }

  /** Looked up once: a warehouse that hangs later must not keep the producer. One that hangs now is not touched. */
  #known(feed: string): readonly string[] {
    const options = this.backend.feedOptions(feed) ?? {};
    const isStuck = stuckFeeds(this.backend).has(feed);
    const { work, warehouse } = recordedRoots(this.backend, feed);
    const devOf = (path: string) => (isStuck ? undefined : unlessRefused(() => statSync(path).dev));
    const [from, to] = [devOf(work), devOf(warehouse)];
    const reading = ['hash', ...(appliesTo('process', options) ? ['process'] : []), ...(from === to ? [] : ['move'])];
    if (from !== undefined && to !== undefined) this.#of.set(feed, reading);
    return reading;
  }
}

const HELD_BYTES = "SELECT feed, stage, sum(bytes) AS bytes FROM all_jobs WHERE state = 'held' GROUP BY stage, feed";

/** What is left, how much of it was read, and the largest file that is being read. */
function bytesNow(
  backend: Backend,
  stats: readonly StageStats[],
  passes: Passes,
): Pick<Progress, 'bytesLeft' | 'bytesRead' | 'largest'> {
  const held = backend.read((reader) => reader.all<{ feed: string; stage: string; bytes: number }>(HELD_BYTES));
  let [bytesLeft, bytesRead] = [0, 0];
  for (const { feed, stage, bytes } of [...stats, ...held.map((one) => ({ ...one, bytes: -one.bytes }))]) {
    bytesLeft += bytes;
    bytesRead += bytes === 0 ? 0 : bytes * passes.parts(feed, stage).before;
  }
  const claimed = jobsInProgress(backend);
  const done = readSoFar(claimed, backend.owners());
  const read = claimed.filter(({ id }) => done.has(id)).sort((a, b) => b.bytes - a.bytes);
  for (const { id, feed, stage } of read) bytesRead += done.get(id)! * passes.parts(feed, stage).its;
  const [job] = read;
  const largest = job && { path: shownName(nameOfBytes(job.key)), bytes: done.get(job.id)!, of: job.bytes };
  return { bytesLeft, bytesRead: Math.min(Math.round(bytesRead), bytesLeft), largest };
}

/** A count over all claimed jobs costs as much as their number, so it is made once. */
function progressNow(backend: Backend, passes: Passes): Progress {
  const stats = backend.stats();
  const { files: filesDone, bytes: bytesDone } = processed(backend);
  const next = nextWindow(backend);
  const inMs = next === undefined ? 0 : Math.max(0, next.dueMs - backend.nowMs());
  return {
    kind: 'progress',
    filesDone,
    bytesDone,
    filesLeft: stats.reduce((sum, one) => sum + onTheWay(one), 0),
    held: stats.reduce((sum, { held }) => sum + held, 0),
    ...bytesNow(backend, stats, passes),
    waits: waitsText(waitsTogether(waitsOf(backend, { stats }))),
    closed: backend.gates().map(({ stage, code }) => ({ stage: stage === '*' ? 'every stage' : stage, code })),
    // A file that is already due waits for a worker: it counts as under way.
    ...(next &&
      inMs > 0 &&
      inMs < SHOWN_WITHIN_MS && {
        waiting: {
          path: shownName(nameOfBytes(next.key)),
          seconds: inMs / 1_000,
          writer: writerOf(next, backend.nowMs()),
        },
      }),
  };
}

/** A file without its sidecar is due tomorrow: nobody would wait for that at a terminal. */
const SHOWN_WITHIN_MS = 3_600_000;
/** A file that its stage found changed counts as growing until it has been quiet for this long. */
const QUIET_MS = 2_000;

interface Next {
  input: string;
  key: Buffer;
  dueMs: number;
  /** The last observation of the file; undefined once it is sealed. */
  seen: Observation | undefined;
  /** Why its stage did not take it the last time. */
  why: string | undefined;
}

function nextWindow(backend: Backend): Next | undefined {
  const stuck = stuckFeeds(backend);
  const feeds = backend.feeds().filter(({ name }) => !stuck.has(name));
  return backend.read((reader) => {
    const next = feeds
      .flatMap(({ name, options }) =>
        reader
          .all<{ seq: number; due_ms: number }>(NEXT_DUE, backend.stages[0]!, name)
          .map((row) => ({ ...row, input: String(options.input) })),
      )
      .sort((a, b) => a.due_ms - b.due_ms)[0];
    const job = next && reader.get<{ key: Buffer; trail: string; payload: string }>(JOB, next.seq);
    if (!job) return undefined;
    const { seen, sealed } = JSON.parse(job.payload) as JobFacts;
    const inInput = sealed ? undefined : seen;
    return { input: next.input, key: job.key, dueMs: next.due_ms, seen: inInput, why: trailOf(job.trail).at(-1)?.why };
  });
}

const NEXT_DUE =
  "SELECT seq, due_ms FROM all_jobs WHERE state = 'ready' AND stage = ? AND feed = ? ORDER BY due_ms LIMIT 1";
const JOB = 'SELECT key, trail, payload FROM all_jobs WHERE seq = ?';

/** Answers whether somebody still writes the file. Its window would then start again at the next check, so its rest says nothing. */
function writerOf({ input, key, seen, why }: Next, nowMs: number): 'open' | 'growing' | undefined {
  if (why === 'writer_open') return 'open';
  if (!seen) return undefined;
  const wasChanged = why === 'changed' && nowMs - seen.sinceMs < QUIET_MS;
  return wasChanged || isChanged(Buffer.concat([Buffer.from(`${input}/`), key]), seen) ? 'growing' : undefined;
}

function isChanged(path: Buffer, { identity }: Observation): boolean {
  try {
    return !unchanged(identity, { version: identityOf(lstatSync(path, { bigint: true })) });
  } catch {
    return false; // it is sealed or gone: its stage says which
  }
}
