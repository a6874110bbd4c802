/**
 * Runs one batch of a stage: calls the handler, settles its decisions, and handles failures.
 * Guarantees: if the handler throws, the jobs that it left unsettled get a `retry`, so they cannot loop forever. While
 * the state cannot be written, the settlement is tried again with the same decisions. Never throws.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Also, Backend, ClaimedJob, Decision, SettleAnswer, Settlement, StageName } from '../backend.js';
import { QueueError, StateUnwritable } from '../errors.js';
import { limits } from '../limits.js';
import type { QueueStore } from './store.js';

/** Settles a part of the batch early; waits while the state cannot be written. */
export type Settle = (settlements: readonly Settlement[], also?: Also) => Promise<SettleAnswer[]>;
/**
 * Returns a decision for each job; undefined for jobs that it settled itself or gives back. If it throws, the rest gets
 * a `retry`.
 */
export type Run = (
  jobs: ClaimedJob[],
  settle: Settle,
  keep: Keep,
) => Promise<readonly (Decision | undefined)[] | undefined>;
/** These jobs stay claimed after the batch; the handler settles them later, through the backend. */
export type Keep = (jobs: readonly ClaimedJob[]) => void;

export interface BatchParts {
  backend: Backend;
  store: QueueStore;
  run: Run;
  /** Stages of this process that can take over jobs without a new claim. */
  stagesWithRoom(): ReadonlySet<StageName>;
  passOn(jobs: readonly ClaimedJob[]): Promise<void>;
  /** False when nobody should wait any longer for a state that cannot be written. */
  mayWait(): boolean;
  onError(error: unknown): void;
}

/**
 * Returns false if the next batch should not start at once: the jobs that were given back would be claimed again and
 * again.
 */
export async function runBatch(parts: BatchParts, jobs: ClaimedJob[]): Promise<boolean> {
  const settle: Settle = (settlements, also) => settlePatiently(parts, settlements, also);
  try {
    const decisions = (await parts.run(jobs, settle, (kept) => parts.store.settled(kept))) ?? [];
    await settle(jobs.flatMap((job, i) => (decisions[i] === undefined ? [] : [{ job, outcome: decisions[i] }])));
    return parts.store.unsettledOf(jobs).length < jobs.length;
  } catch (error) {
    parts.onError(error);
    await settleFailed(parts, jobs, error).catch(parts.onError);
    return false;
  }
}

/**
 * If a handler throws, its jobs have failed. If the state cannot be used, no job has failed, and these jobs are given
 * back.
 */
async function settleFailed(parts: BatchParts, jobs: ClaimedJob[], error: unknown): Promise<void> {
  if (error instanceof QueueError) return;
  const left = parts.store.unsettledOf(jobs);
  await settlePatiently(
    parts,
    left.map((job) => ({ job, outcome: outcomeOfThrown(error) })),
  );
}

/** The outcome of a job whose handler threw an error that it did not expect: nobody knows how far it got. */
export function outcomeOfThrown(error: unknown): Decision {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { kind: 'retry', code: 'bug', error: text, interrupted: true };
}

async function settlePatiently(
  parts: BatchParts,
  settlements: readonly Settlement[],
  also?: Also,
): Promise<SettleAnswer[]> {
  for (let waitMs: number = limits.unwritableRetryMs[0]; ; waitMs = Math.min(waitMs * 2, limits.unwritableRetryMs[1])) {
    try {
      const answers = await parts.backend.settle(settlements, parts.stagesWithRoom(), also);
      parts.store.settled(settlements.map(({ job }) => job));
      await parts.passOn(answers.flatMap((answer) => (answer.settled && answer.next ? [answer.next] : [])));
      return answers;
    } catch (error) {
      if (!(error instanceof StateUnwritable) || !parts.mayWait()) throw error;
      parts.onError(error);
      await delay(waitMs);
    }
  }
}
