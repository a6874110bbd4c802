/**
 * Adds a settlement to the counters and the durations: each stage that the job has passed, and its current stage.
 */
import type { ClaimedJob, Job, Outcome, Settlement, StageName } from '../backend.js';
import { stageAfter } from './outcome.js';
import type { SqliteTx } from './tx.js';

/** Counts an outcome for a stage. An ending is also counted under its own name. */
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

/** Wall-clock ms at which the job entered its current stage. */
function enteredMs({ trail, createdAtMs }: ClaimedJob): number {
  for (let i = trail.length - 1; i >= 0; i--) if (trail[i]!.outcome === 'advance') return trail[i]!.lastAtMs;
  return createdAtMs;
}

/** The stage of the durations that stands for the whole way, from the moment a job was made until it ended. */
export const WHOLE_WAY = '*';

/** Counts each passed stage, and the stage of `outcome`. */
export function countStages(
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
