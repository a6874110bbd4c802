/**
 * One batch of a stage: the handler runs, its decisions are settled, and what goes wrong has a place to go.
 * Guarantees: a handler's throw is a `retry` of the jobs that it left unsettled, never an endless circle; while the state
 * cannot be written the settlement is tried again, with the decisions as they are; never throws.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Around, Backend, ClaimedJob, Decision, SettleAnswer, Settlement, StageName } from '../backend.js';
import { QueueError, StateUnwritable } from '../errors.js';
import { limits } from '../limits.js';
import type { QueueStore } from './store.js';

/** Settles some of the batch early; waits while the state cannot be written. */
export type Settle = (settlements: readonly Settlement[], around?: Around) => Promise<SettleAnswer[]>;
/** Answers a decision per job, undefined for those that it settled itself or gives back. A throw is a `retry` of what is left. */
export type Run = (
  jobs: ClaimedJob[],
  settle: Settle,
  keep: Keep,
) => Promise<readonly (Decision | undefined)[] | undefined>;
/** These stay claimed after the batch: whoever keeps them settles them later, through the backend. */
export type Keep = (jobs: readonly ClaimedJob[]) => void;

export interface BatchParts {
  backend: Backend;
  store: QueueStore;
  run: Run;
  /** Stages of this process that take jobs over without a claim of their own. */
  keep(): ReadonlySet<StageName>;
  handOver(jobs: readonly ClaimedJob[]): Promise<void>;
  /** False once nobody should wait any longer for a state that cannot be written. */
  mayWait(): boolean;
  onError(error: unknown): void;
}

/** Answers false when the next batch should not follow at once: given back and claimed again, jobs would turn in a circle. */
export async function runBatch(parts: BatchParts, jobs: ClaimedJob[]): Promise<boolean> {
  const settle: Settle = (settlements, around) => settlePatiently(parts, settlements, around);
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

/** A handler's throw is its jobs' failure; a state that cannot be used is nobody's: these jobs are given back. */
async function settleFailed(parts: BatchParts, jobs: ClaimedJob[], error: unknown): Promise<void> {
  if (error instanceof QueueError) return;
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const left = parts.store.unsettledOf(jobs);
  await settlePatiently(
    parts,
    left.map((job) => ({ job, outcome: { kind: 'retry', code: 'bug', error: text } })),
  );
}

async function settlePatiently(
  parts: BatchParts,
  settlements: readonly Settlement[],
  around?: Around,
): Promise<SettleAnswer[]> {
  for (let waitMs: number = limits.unwritableRetryMs[0]; ; waitMs = Math.min(waitMs * 2, limits.unwritableRetryMs[1])) {
    try {
      const answers = await parts.backend.settle(settlements, parts.keep(), around);
      parts.store.settled(settlements.map(({ job }) => job));
      await parts.handOver(answers.flatMap((answer) => (answer.settled && answer.next ? [answer.next] : [])));
      return answers;
    } catch (error) {
      if (!(error instanceof StateUnwritable) || !parts.mayWait()) throw error;
      parts.onError(error);
      await delay(waitMs);
    }
  }
}
