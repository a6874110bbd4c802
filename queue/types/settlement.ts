/**
 * The outcome of a job, decided by a stage, and the result of settling it.
 */
import type { ClaimedJob, JobId, Payload, StageName } from './job.js';
import type { Tx } from './transaction.js';

/** Fields that any outcome may change together with the state. */
export interface Amend {
  payload?: Payload;
  identity?: string;
  bytes?: number;
  /** Frees the key: from this commit on another job may be enqueued under it. */
  freeKey?: true;
  /** Sets or empties the flag `Job.interrupted`. */
  interrupted?: boolean;
}

/** The decision of a stage about a job. */
export type Outcome =
  | ({ kind: 'advance' } & Amend) // to the next stage of its feed, due at once; after the last one it is `finish` with 'stored'
  | ({ kind: 'back'; to: StageName } & Amend) // to an earlier stage, or to the same one; due at once
  | ({ kind: 'defer'; inMs: number; why: string } & Amend) // not yet; counts no attempt
  | ({ kind: 'wait'; on: string; why: string } & Amend) // until `Tx.wake(on)` or `Tx.release`
  | ({ kind: 'retry'; error: string; code: string } & Amend) // failed: backs off; `held` with `code` after the limit
  | ({ kind: 'hold'; code: string; reason: string } & Amend) // needs a person
  | ({ kind: 'finish'; ending: string } & Amend)
  | ({ kind: 'drop'; why: string } & Amend);

/**
 * An outcome, or a function that decides it inside the settling transaction. The function must not await or touch
 * files, and may run more than once (if the transaction has to be repeated): it must do everything through `tx`.
 */
export type Decision = Outcome | ((tx: Tx, job: ClaimedJob) => Outcome);

export interface Settlement {
  job: ClaimedJob;
  outcome: Decision;
}

/**
 * Further writes of the caller in the transaction of a settlement, after it. `settled`: the jobs whose claims the owner
 * still had, with what became of them. It may run more than once, like the function of a Decision.
 */
export type Also = (tx: Tx, settled: ReadonlyMap<JobId, Outcome>) => void;

/**
 * `settled: false`: the owner no longer had the claim, and nothing of the settlement was written. `next`: the job stays
 * claimed by this owner, in the stage that it advanced to (see `settle`).
 */
export type SettleAnswer = { settled: true; outcome: Outcome; next?: ClaimedJob } | { settled: false };
