/**
 * Depths: how many jobs that are not done are in each stage, by the second of their creation (table `depths`).
 * Guarantees: they are committed together with the change that they count. So reading the depths of a million jobs
 * reads a few rows.
 * Does not: distinguish ready jobs that are due from those that are not; `dueNow` counts them, reading as few as
 * possible.
 */
import type { AgedDepth, Depth, Reader } from '../backend.js';

const ALL = 'SELECT feed, stage, second, jobs, bytes FROM depths';
/** At most this many due jobs, and this many others, are counted before all are: usually one of the two is small. */
const COUNTED_MAX = 20_000;

export const depths = (rows: Reader): Depth[] => rows.all<Depth>(ALL);

/** The same, of held jobs alone. SQLite counts them, so that no texts of jobs are read. */
export const heldDepths = (rows: Reader): Depth[] =>
  rows.all<Depth>(`SELECT feed, stage, created_ms / 1000 AS second, count(*) AS jobs, sum(bytes) AS bytes
    FROM jobs WHERE state = 'held' GROUP BY feed, stage, second`);

/** Summed by SQLite: as objects, the hundred thousand rows of a long backlog took twice as long, and were garbage then. */
export function depthsByAge(rows: Reader, boundSeconds: readonly number[]): AgedDepth[] {
  const madeBy = boundSeconds.map(() => ', sum(jobs) FILTER (WHERE second <= ?)').join('');
  const sums = `SELECT feed, stage, sum(jobs), sum(bytes)${madeBy} FROM depths GROUP BY feed, stage`;
  return (rows.arrays(sums, ...boundSeconds) as [string, string, number, number, ...(number | null)[]][]).map(
    ([feed, stage, jobs, bytes, ...of]) => ({ feed, stage, jobs, bytes, madeBy: of.map((made) => made ?? 0) }),
  );
}

/** The number of `ready` jobs of a stage of a feed that are due. `ready`: the number of all of them. */
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
