/** What a settlement adds to the counters and the durations: each stage that a job has passed, and the one it was in. */
import type { ClaimedJob, Job, Outcome, Settlement, StageName } from '../backend.js';
import { stageAfter } from './outcome.js';
import type { SqliteTx } from './tx.js';

/** Counts an outcome of a stage that the job is in, or has passed. An ending is counted under its own name too. */
export function countOutcome(
  tx: SqliteTx,
  { feed }: Pick<Job, 'feed'>,
  stage: StageName,
  size: number,
  outcome: Outcome,
): void {
  const bytes = outcome.bytes ?? size;
  tx.count(feed, stage, outcome.kind, 1, bytes);
  if (outcome.kind === 'finish') tx.count(feed, stage, outcome.ending, 1, bytes);
}

/** Wall-clock ms at which a job came to the stage in which it is. */
function enteredMs({ trail, createdAtMs }: ClaimedJob): number {
  for (let i = trail.length - 1; i >= 0; i--) if (trail[i]!.outcome === 'advance') return trail[i]!.lastAtMs;
  return createdAtMs;
}

/** The stage of the durations that stands for the whole way, from the moment a job was made until it ended. */
export const WHOLE_WAY = '*';

/** Each stage that was passed, and the one that `outcome` speaks of. */
export function countWay(
  tx: SqliteTx,
  { job, passed = [] }: Settlement,
  outcome: Outcome,
  stages: readonly StageName[],
): void {
  let { stage, bytes } = job;
  let sinceMs = enteredMs(job);
  const count = (one: Outcome): void => {
    countOutcome(tx, job, stage, bytes, one);
    if (one.kind === 'advance' || one.kind === 'finish') tx.tookIn(job.feed, stage, tx.wallMs - sinceMs);
  };
  for (const advance of passed) {
    bytes = advance.bytes ?? bytes;
    count(advance);
    stage = stageAfter(stages, stage, advance.to);
    sinceMs = tx.wallMs;
  }
  count(outcome);
  if (outcome.kind === 'finish') tx.tookIn(job.feed, WHOLE_WAY, tx.wallMs - job.createdAtMs);
}
