/**
 * The status line of a terminal, once a second. Silence would look like a fault, so a file that only waits for its window is named.
 * Only one process of a state reports it: the producer.
 */
import { lstatSync } from 'node:fs';
import type { Backend } from '../../../queue/backend.js';
import { trailOf } from '../../../queue/trail.js';
import type { Progress } from '../../base/process/protocol.js';
import { metricsReader } from '../../base/telemetry/metrics.js';
import { type ByteName, shownName } from '../../linux/names.js';
import { jobsInProgress } from '../health/in-progress.js';
import { readSoFar } from '../health/read-so-far.js';
import { waitsOf, waitsText, waitsTogether } from '../health/waits.js';
import type { JobFacts, Observation } from '../rules/facts.js';
import { identityOf } from '../rules/identity.js';
import { unchanged } from '../rules/verified.js';

const EVERY_MS = 1_000;

/** Reports at once and then every second. The returned function ends this, with a last report. */
export function startProgress(backend: Backend, report: (progress: Progress) => void): () => void {
  const read = metricsReader(backend);
  const speed = new Speed();
  const reportNow = () => report(progressNow(backend, read(), speed));
  reportNow();
  const timer = setInterval(reportNow, EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    reportNow();
  };
}

/** The speed at which one file is read, since it was first seen in its stage. */
class Speed {
  #of = '';
  #first = { ms: 0, bytes: 0 };

  perSecond(of: string, bytes: number, ms = performance.now()): number {
    if (of !== this.#of || bytes < this.#first.bytes) {
      this.#of = of;
      this.#first = { ms, bytes };
    }
    const seconds = (ms - this.#first.ms) / 1_000;
    return seconds === 0 ? 0 : (bytes - this.#first.bytes) / seconds;
  }
}

/** Undefined where none is large. */
function largestNow(backend: Backend, speed: Speed): Progress['largest'] {
  const claimed = jobsInProgress(backend);
  const done = readSoFar(claimed, backend.owners());
  const [job] = claimed.filter(({ id }) => done.has(id)).sort((a, b) => b.bytes - a.bytes);
  if (job === undefined) return undefined;
  const bytesDone = done.get(job.id)!;
  const bytesPerSecond = speed.perSecond(`${job.id} ${job.stage}`, bytesDone);
  return { path: shownName(job.key.toString('latin1') as ByteName), bytesDone, bytes: job.bytes, bytesPerSecond };
}

function progressNow(backend: Backend, metrics: ReturnType<ReturnType<typeof metricsReader>>, speed: Speed): Progress {
  const left = Object.values(metrics.queue_depth).reduce((sum, jobs) => sum + jobs, 0);
  const next = nextWindow(backend);
  const largest = largestNow(backend, speed);
  const inMs = next === undefined ? 0 : Math.max(0, next.dueMs - backend.nowMs());
  return {
    kind: 'progress',
    filesDone: metrics.files_processed,
    bytesDone: metrics.bytes_processed,
    filesPerSecond: metrics.files_per_second,
    filesLeft: left,
    held: metrics.held,
    ...(largest && { largest }),
    waits: waitsText(waitsTogether(waitsOf(backend))),
    closed: backend.gates().map(({ stage, code }) => ({ stage: stage === '*' ? 'every stage' : stage, code })),
    // A file that is already due waits for a worker: it counts as under way.
    ...(next &&
      inMs > 0 &&
      inMs < SHOWN_WITHIN_MS && {
        waiting: {
          path: shownName(next.key.toString('latin1') as ByteName),
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
  const feeds = backend.feeds();
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
