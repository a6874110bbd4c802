/**
 * The samples of a feed as a series of equal steps up to now: rates, backlog and oldest age of each step. Pure.
 * Guarantees: null says that nothing is known of a step; it is never shown as zero.
 */
import type { Sample } from '../../../queue/index.js';
import { processedIn } from '../../base/telemetry/metrics.js';

export interface Span {
  nowMs: number;
  stepMs: number;
  steps: number;
}

export function binsOf(samples: readonly Sample[], span: Span, order: readonly string[]) {
  const { nowMs, stepMs, steps } = span;
  const edges = Array.from({ length: steps + 1 }, (_, i) => nowMs - (steps - i) * stepMs);
  const total = cumulative(samples);
  const rates = edges.slice(1).map((end, i) => rateOf(total, edges[i]!, end));
  const used = order.filter((stage) => samples.some((one) => one.stages.some((other) => other.stage === stage)));
  const all = highest(samples, span, () => true);
  return {
    /** ISO 8601: the ends of the steps, ascending; the last one is now. */
    at: edges.slice(1).map((ms) => new Date(ms).toISOString()),
    files_per_second: rates.map((one) => one && rounded(one.files)),
    bytes_per_second: rates.map((one) => one && rounded(one.bytes)),
    /** The most files that were not done at one time, held ones included, and their bytes. */
    backlog_files: all.map((one) => one?.files ?? null),
    backlog_bytes: all.map((one) => one?.bytes ?? null),
    oldest_age_seconds: all.map((one) => one?.age ?? null),
    /** In the order of the pipeline; only stages in which something waited. */
    stages: used.map((stage) => {
      const its = highest(samples, span, (name) => name === stage);
      return {
        stage,
        files: its.map((one) => one?.files ?? null),
        oldest_age_seconds: its.map((one) => one?.age ?? null),
      };
    }),
  };
}

/** A file an hour is 0.0003 a second. */
const rounded = (value: number): number => Number(value.toPrecision(3));

interface Point {
  atMs: number;
  files: number;
  bytes: number;
}

export const cumulative = (samples: readonly Sample[]): Point[] =>
  samples.map(({ atMs, counts }) => ({ atMs, ...processedIn(counts) }));

/** Amounts a second from one moment to another: null before anything is known. */
export function rateOf(points: readonly Point[], fromMs: number, toMs: number): Omit<Point, 'atMs'> | null {
  const first = points[0];
  if (first === undefined) return null;
  const startMs = Math.max(fromMs, first.atMs);
  const seconds = (toMs - startMs) / 1_000;
  if (seconds < 1) return null;
  const [before, after] = [amountAt(points, startMs), amountAt(points, toMs)];
  return {
    // A feed that was retired took its counts with it.
    files: Math.max(0, after.files - before.files) / seconds,
    bytes: Math.max(0, after.bytes - before.bytes) / seconds,
  };
}

/** Between two samples the amounts are taken to have risen evenly. */
function amountAt(points: readonly Point[], ms: number): Omit<Point, 'atMs'> {
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (points[middle]!.atMs <= ms) low = middle;
    else high = middle - 1;
  }
  const before = points[low]!;
  const after = points[low + 1];
  if (after === undefined || ms <= before.atMs) return before;
  const part = (ms - before.atMs) / (after.atMs - before.atMs);
  return {
    files: before.files + part * (after.files - before.files),
    bytes: before.bytes + part * (after.bytes - before.bytes),
  };
}

interface Waiting {
  files: number;
  bytes: number;
  /** Seconds; 0 where nothing waited. */
  age: number;
}

/** The most that waited at one time of each step, and the oldest age. */
function highest(
  samples: readonly Sample[],
  { nowMs, stepMs, steps }: Span,
  isWanted: (stage: string) => boolean,
): (Waiting | null)[] {
  const bins = Array.from({ length: steps }, (): Waiting | null => null);
  const startMs = nowMs - steps * stepMs;
  const binOf = (ms: number): number => Math.min(steps - 1, Math.floor((ms - startMs) / stepMs));
  for (const [i, { atMs, stages, stood }] of samples.entries()) {
    const nextMs = samples[i + 1]?.atMs ?? atMs;
    const its = stages.filter(({ stage }) => isWanted(stage));
    const files = its.reduce((sum, { jobs }) => sum + jobs, 0);
    const bytes = its.reduce((sum, one) => sum + one.bytes, 0);
    const bornMs =
      1_000 * its.reduce((least, { oldestSecond }) => Math.min(least, oldestSecond), Number.POSITIVE_INFINITY);
    for (let bin = Math.max(0, binOf(atMs)); bin <= binOf(nextMs); bin++) {
      const untilMs = stood ? Math.min(nextMs, startMs + (bin + 1) * stepMs) : atMs;
      const age = files === 0 ? 0 : Math.max(0, Math.round((untilMs - bornMs) / 1_000));
      const known = bins[bin];
      bins[bin] = {
        files: Math.max(files, known?.files ?? 0),
        bytes: Math.max(bytes, known?.bytes ?? 0),
        age: Math.max(age, known?.age ?? 0),
      };
    }
  }
  return bins;
}
