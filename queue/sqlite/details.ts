/**
 * Details for a page beside the figures: which jobs ended last, which are in progress, and why others wait or are held.
 * Guarantees: each query reads a bounded number of rows, whatever the number of jobs and the texts of their errors. Writes nothing.
 */
import type { Duration, HeldFor, Job, JobId, Reader, Reason } from '../backend.js';
import { limits } from '../limits.js';
import { jobsWhere } from './rows.js';

/** Newest first. */
export function endings(rows: Reader, most: number): Job[] {
  const ids = rows.all<{ job: JobId }>('SELECT job FROM endings ORDER BY number DESC LIMIT ? + 0', most);
  return ids.flatMap(({ job }) => jobsWhere(rows, 'id = ?', job));
}

/** The largest first: small jobs are gone before anybody reads about them. */
export function inProgress(rows: Reader, most: number): Job[] {
  return jobsWhere(rows, "state = 'claimed' ORDER BY bytes DESC, seq LIMIT ? + 0", most);
}

/** As the index has it. */
const WHY = "coalesce('error ' || error_code, reason)";
/** The first job after the last group in the index, in the order in which they are asked. SQLite seeks for no row value in three columns. */
const AFTER = [
  '= ? AND feed = ? AND stage > ? ORDER BY',
  '= ? AND feed > ? ORDER BY feed,',
  `> ? ORDER BY ${WHY}, feed,`,
].map(
  (after) => `SELECT ${WHY} AS why, feed, stage, seq FROM jobs INDEXED BY jobs_why
    WHERE state = 'ready' AND reason IS NOT NULL AND ${WHY} ${after} stage, seq LIMIT 1`,
);
const OF_REASON = `SELECT count(*) AS jobs FROM (SELECT 1 FROM jobs INDEXED BY jobs_why
  WHERE state = 'ready' AND reason IS NOT NULL AND ${WHY} = ? AND feed = ? AND stage = ? LIMIT ${limits.reasonJobsMax})`;

type Group = Pick<Reason, 'feed' | 'stage'> & { why: string; seq: number };

function nextGroup(rows: Reader, { why, feed, stage }: Omit<Group, 'seq'>): Group | undefined {
  const names = [why, feed, stage];
  for (const [n, sql] of AFTER.entries()) {
    const next = rows.get<Group>(sql, ...names.slice(0, names.length - n));
    if (next) return next;
  }
  return undefined;
}

/** Steps from one reason to the next in the index, so a million jobs with one reason cost no more than a few. */
export function reasons(rows: Reader): Reason[] {
  const found: Reason[] = [];
  for (let last = nextGroup(rows, { why: '', feed: '', stage: '' }); last; last = nextGroup(rows, last)) {
    const { why, feed, stage, seq } = last;
    const { jobs } = rows.get<{ jobs: number }>(OF_REASON, why, feed, stage)!;
    const oldest = jobsWhere(rows, 'seq = ?', seq)[0]!;
    found.push({ reason: oldest.reason!, feed, stage, jobs, oldest });
  }
  return found;
}

/** `seq` is that of the row with the least `updated_ms` (SQLite: bare columns beside min()). */
const HELD_FOR = `SELECT feed, stage, hold_code AS code, count(*) AS jobs, min(updated_ms) AS sinceMs, seq
  FROM jobs INDEXED BY jobs_held_for WHERE state = 'held' GROUP BY feed, stage, hold_code ORDER BY jobs DESC`;

export const heldFor = (rows: Reader): HeldFor[] =>
  rows
    .all<Omit<HeldFor, 'oldest'> & { seq: number; sinceMs: number }>(HELD_FOR)
    .map(({ feed, stage, code, jobs, seq }) => ({
      feed,
      stage,
      code,
      jobs,
      oldest: jobsWhere(rows, 'seq = ?', seq)[0]!,
    }));

export const durations = (rows: Reader): Duration[] =>
  rows.all<Duration>('SELECT feed, stage, below_ms AS belowMs, jobs, ms FROM durations ORDER BY feed, stage, below_ms');
