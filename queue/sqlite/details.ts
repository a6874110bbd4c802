/**
 * Details for a page beside the figures: which jobs ended last, which are in progress, and why others wait or are held.
 * Guarantees: each query reads a bounded number of rows, whatever the number of jobs. Writes nothing.
 */
import type { Duration, HeldFor, Job, JobId, OwnerId, Reader, Reason, StageName } from '../backend.js';
import { limits } from '../limits.js';
import { jobsWhere } from './rows.js';

/** Newest first. */
export function endings(rows: Reader, most: number): Job[] {
  const ids = rows.all<{ job: JobId }>('SELECT job FROM endings ORDER BY number DESC LIMIT ? + 0', most);
  return ids.flatMap(({ job }) => jobsWhere(rows, 'id = ?', job));
}

/** The largest first: small jobs are gone before anybody reads about them. */
export function inProgress(rows: Reader, most: number, owner?: OwnerId): Job[] {
  return jobsWhere(
    rows,
    `state = 'claimed' AND owner = coalesce(?, owner) ORDER BY bytes DESC, seq LIMIT ? + 0`,
    owner ?? null,
    most,
  );
}

const NEXT_REASON = `SELECT reason, feed, stage, seq FROM jobs INDEXED BY jobs_why
  WHERE state = 'ready' AND reason IS NOT NULL AND (reason, feed, stage) > (?, ?, ?)
  ORDER BY reason, feed, stage, seq LIMIT 1`;
const OF_REASON = `SELECT count(*) AS jobs FROM (SELECT 1 FROM jobs INDEXED BY jobs_why
  WHERE state = 'ready' AND reason = ? AND feed = ? AND stage = ? LIMIT ${limits.reasonJobsMax})`;

/** Steps from one reason to the next in the index, so a million jobs with one reason cost no more than a few. */
export function reasons(rows: Reader): Reason[] {
  const found: Reason[] = [];
  let last = { reason: '', feed: '', stage: '' };
  while (found.length < limits.reasonsMax) {
    const next = rows.get<{ reason: string; feed: string; stage: StageName; seq: number }>(
      NEXT_REASON,
      last.reason,
      last.feed,
      last.stage,
    );
    if (!next) break;
    const { reason, feed, stage, seq } = next;
    const { jobs } = rows.get<{ jobs: number }>(OF_REASON, reason, feed, stage)!;
    found.push({ reason, feed, stage, jobs, oldest: jobsWhere(rows, 'seq = ?', seq)[0]! });
    last = next;
  }
  return found;
}

export function heldFor(rows: Reader): HeldFor[] {
  const codes = rows.all<Omit<HeldFor, 'oldest'> & { seq: number }>(
    `SELECT feed, stage, hold_code AS code, count(*) AS jobs, min(seq) AS seq FROM jobs INDEXED BY jobs_held_for
      WHERE state = 'held' GROUP BY feed, stage, hold_code ORDER BY jobs DESC`,
  );
  return codes.map(({ seq, ...rest }) => ({ ...rest, oldest: jobsWhere(rows, 'seq = ?', seq)[0]! }));
}

export const durations = (rows: Reader): Duration[] =>
  rows.all<Duration>('SELECT feed, stage, below_ms AS belowMs, jobs, ms FROM durations ORDER BY feed, stage, below_ms');
