/**
 * Adds a settlement to the counters and the durations.
 */
import type { ClaimedJob, Job, Outcome, StageName } from '../backend.js';
import { STORED } from './outcome.js';
import type { SqliteTx } from './tx.js';

/** Counts an outcome for a stage. An ending is also counted under its own name, except STORED, which the owner counts. */
export function countOutcome(
  tx: SqliteTx,
  { feed }: Pick<Job, 'feed'>,
  stage: StageName,
  size: number,
  outcome: Outcome,
): void {
  const bytes = outcome.bytes ?? size;
  tx.count(feed, stage, outcome.kind, 1, bytes);
  if (outcome.kind === 'finish' && outcome.ending !== STORED) tx.count(feed, stage, outcome.ending, 1, bytes);
}

const ENTERS = ['advance', 'back'];

/** Wall-clock ms at which the job entered its current stage. */
function enteredMs({ trail, createdAtMs }: ClaimedJob): number {
  for (let i = trail.length - 1; i >= 0; i--) if (ENTERS.includes(trail[i]!.outcome)) return trail[i]!.lastAtMs;
  return createdAtMs;
}

/** The stage of the durations that stands for the whole way, from the moment a job was made until it ended. */
export const WHOLE_WAY = '*';

/** Counts an outcome, and how long the job was in the stage that it leaves for good. */
export function countStage(tx: SqliteTx, job: ClaimedJob, outcome: Outcome): void {
  countOutcome(tx, job, job.stage, job.bytes, outcome);
  const isEnd = outcome.kind === 'finish';
  if (isEnd || outcome.kind === 'advance') tx.tookIn(job.feed, job.stage, tx.wallMs - enteredMs(job));
  if (isEnd) tx.tookIn(job.feed, WHOLE_WAY, tx.wallMs - job.createdAtMs);
}
