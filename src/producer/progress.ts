/**
 * What a terminal's status line shows, once a second: silence is a fault there, so a file that only waits for its
 * window is named. One process of a state reports it, the producer.
 */
import type { Backend, Reader } from '../../queue/backend.js';
import { trailOf } from '../../queue/trail.js';
import { type ByteName, shownName } from '../linux/names.js';
import type { Progress } from '../supervise/protocol.js';
import { metricsReader } from '../telemetry/metrics.js';

const EVERY_MS = 1_000;

/** Reports at once, then until the answered function is called, and once more then. */
export function startProgress(backend: Backend, report: (progress: Progress) => void): () => void {
  const read = metricsReader(backend);
  const tell = () => report(progressNow(backend, read()));
  tell();
  const timer = setInterval(tell, EVERY_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    tell();
  };
}

function progressNow(backend: Backend, metrics: ReturnType<ReturnType<typeof metricsReader>>): Progress {
  const left = Object.values(metrics.queue_depth).reduce((sum, jobs) => sum + jobs, 0);
  const feeds = backend.feeds().map(({ name }) => name);
  const next = backend.read((reader) => nextWindow(reader, backend.stages[0]!, feeds));
  const inMs = next === undefined ? 0 : Math.max(0, next.dueMs - backend.nowMs());
  return {
    kind: 'progress',
    filesDone: metrics.files_processed,
    bytesDone: metrics.bytes_processed,
    filesPerSecond: metrics.files_per_second,
    filesLeft: left,
    held: metrics.held,
    // One that is due already waits for a worker: it is under way.
    ...(next && inMs > 0 && inMs < SHOWN_WITHIN_MS && { waiting: { ...next.told, seconds: inMs / 1_000 } }),
  };
}

/** A file without its sidecar is due tomorrow: nothing that a person would wait for. */
const SHOWN_WITHIN_MS = 3_600_000;

function nextWindow(
  reader: Reader,
  stage: string,
  feeds: readonly string[],
): { told: { path: string; open: boolean }; dueMs: number } | undefined {
  const next = feeds
    .flatMap((feed) => reader.all<{ seq: number; due_ms: number }>(NEXT_DUE, stage, feed))
    .sort((a, b) => a.due_ms - b.due_ms)[0];
  const job = next && reader.get<{ key: Buffer; trail: string }>('SELECT key, trail FROM jobs WHERE seq = ?', next.seq);
  if (!job) return undefined;
  const open = trailOf(job.trail).at(-1)?.why === 'writer_open';
  return { told: { path: shownName(job.key.toString('latin1') as ByteName), open }, dueMs: next.due_ms };
}

const NEXT_DUE = 'SELECT seq, due_ms FROM ready_jobs WHERE stage = ? AND feed = ? ORDER BY due_ms LIMIT 1';
