/** What a stage says of a job, and what becomes of that. */
import type { ClaimedJob, JobId, Payload, StageName } from './job.js';
import type { Tx } from './transaction.js';

/** Fields that any outcome may change together with the state. */
export interface Amend {
  payload?: Payload;
  identity?: string;
  bytes?: number;
  /** Frees the key: another job may be enqueued under it from this commit on. */
  freeKey?: true;
}

/** What a stage says of a job. */
export type Outcome =
  // To the next stage (or `to`), due at once. `memo`: what that stage may take from memory where it goes on in the same claim;
  // nothing may depend on it.
  | ({ kind: 'advance'; to?: StageName; memo?: object } & Amend)
  | ({ kind: 'defer'; inMs: number; why: string } & Amend) // not yet; costs no attempt
  | ({ kind: 'wait'; on: string; why: string } & Amend) // until `Tx.wake(on)` or `Tx.release`
  | ({ kind: 'retry'; error: string; code: string } & Amend) // failed: backs off, `held` with `code` after the limit
  | ({ kind: 'hold'; code: string; reason: string } & Amend) // needs a person
  | ({ kind: 'finish'; ending: string } & Amend)
  | ({ kind: 'drop'; why: string } & Amend);

/**
 * Or a function that decides one of these inside the settling transaction. It must not await or touch files, and may run
 * more than once (when the transaction has to be repeated): all that it does must go through `tx`.
 */
export type Decision = Outcome | ((tx: Tx, job: ClaimedJob) => Outcome);

export type Advance = Extract<Outcome, { kind: 'advance' }>;

export interface Settlement {
  job: ClaimedJob;
  /**
   * Stages that lie behind the job since its row was written last: all is as if each of these had been settled before
   * `outcome`, which speaks of the stage behind them, but the row is written once, and the claim keeps its number.
   */
  passed?: readonly Advance[];
  outcome: Decision;
}

/** What else the caller writes in the transaction of a settlement. As a function of a Decision, each may run more than once. */
export interface Around {
  before?(tx: Tx): void;
  /** `settled`: the jobs whose claims still were the owner's. */
  after?(tx: Tx, settled: ReadonlySet<JobId>): void;
}

/**
 * Not settled: the claim was no longer this owner's, and nothing of the settlement was written.
 * `next`: the job stays claimed by this owner, for the stage that it advanced to (see `settle`).
 */
export type SettleAnswer = { settled: true; outcome: Outcome; next?: ClaimedJob } | { settled: false };
