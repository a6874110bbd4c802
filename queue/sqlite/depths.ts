/**
 * Depths: how many jobs that are not done stand in which stage, by the second in which they were made (table `depths`).
 * Guarantees: they commit with what they count, so that looking at a million jobs is reading a few rows.
 * Does not: tell ready jobs that are due from those that are not; `dueNow` looks, at as few of them as it can.
 */
import type { AgedDepth, Depth, Reader } from '../backend.js';

const ALL = 'SELECT feed, stage, second, jobs, bytes FROM depths';
/** So many of those that are due, and of those that are not, are counted before the rest is: mostly one of the two is small. */
const COUNTED_MAX = 20_000;

export const depths = (rows: Reader): Depth[] => rows.all<Depth>(ALL);

/** Summed by SQLite: as objects, the hundred thousand rows of a long backlog took twice as long, and were garbage then. */
export function depthsByAge(rows: Reader, boundSeconds: readonly number[]): AgedDepth[] {
  const madeBy = boundSeconds.map(() => ', sum(jobs) FILTER (WHERE second <= ?)').join('');
  const sums = `SELECT feed, stage, sum(jobs), sum(bytes)${madeBy} FROM depths GROUP BY feed, stage`;
  return (rows.arrays(sums, ...boundSeconds) as [string, string, number, number, ...(number | null)[]][]).map(
    ([feed, stage, jobs, bytes, ...of]) => ({ feed, stage, jobs, bytes, madeBy: of.map((made) => made ?? 0) }),
  );
}

/** How many of the `ready` jobs of a stage of a feed are due. `ready`: how many there are. */
export function dueNow(rows: Reader, feed: string, stage: string, ready: number, nowMs: number): number {
  const due = counted(rows, feed, stage, '<=', nowMs, COUNTED_MAX);
  if (due < COUNTED_MAX) return due;
  const later = counted(rows, feed, stage, '>', nowMs, COUNTED_MAX);
  if (later < COUNTED_MAX) return Math.max(0, ready - later);
  return counted(rows, feed, stage, '<=', nowMs, ready);
}

function counted(rows: Reader, feed: string, stage: string, side: '<=' | '>', nowMs: number, most: number): number {
  return rows.get<{ jobs: number }>(
    `SELECT count(*) AS jobs FROM (SELECT 1 FROM jobs INDEXED BY jobs_ready
      WHERE state = 'ready' AND stage = ? AND feed = ? AND due_ms ${side} ? LIMIT ? + 0)`,
    stage,
    feed,
    nowMs,
    most,
  )!.jobs;
}
