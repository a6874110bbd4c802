/**
 * Computes the new state of a job from an outcome. Pure, except for the counts and notes that the transaction keeps.
 * Does not: write a row.
 */
import assert from 'node:assert/strict';
import type { Amend, ClaimedJob, Job, Outcome, Payload, StageName, TrailEntry } from '../backend.js';
import { backoffMs } from '../clock.js';
import { limits } from '../limits.js';
import { assertTransition, type State } from '../states.js';
import { addToTrail } from '../trail.js';
import { payloadText } from './rows.js';
import type { SqliteTx } from './tx.js';

/** The ending of a job that went its whole way. The owner counts what came of it, where its own tables say it. */
export const STORED = 'stored';

/** The new values of a job after an outcome. */
export interface Move {
  state: State;
  stage: StageName;
  dueMs: number;
  attempts: number;
  crashes: number;
  holdCode: string | null;
  /** The code of a retry. */
  errorCode: string | null;
  reason: string | null;
  waitsOn: string | null;
  ending: string | null;
  trail: TrailEntry[];
  /** As it is stored; null: it stays as it is. */
  payload: string | null;
}

/** A retry beyond the limit becomes a hold with the retry's code. */
export function afterLimit(job: ClaimedJob, outcome: Outcome, maxAttempts: number): Outcome {
  if (outcome.kind !== 'retry' || job.attempts + 1 < maxAttempts) return outcome;
  const { error, code, kind: _, ...amend } = outcome;
  return { kind: 'hold', code, reason: error, ...amend };
}

/** An advance after the last stage is the end of the job. */
export function atTheEnd(order: StageOrder, { feed, stage }: ClaimedJob, outcome: Outcome): Outcome {
  if (outcome.kind !== 'advance' || order.next(feed, stage) !== undefined) return outcome;
  return { ...outcome, kind: 'finish', ending: STORED };
}

/** `attempts` includes the one that ends now. */
export function moveOf(tx: SqliteTx, job: ClaimedJob, attempts: number, outcome: Outcome, order: StageOrder): Move {
  // One object with all fields, changed below. This runs for every job, and copying objects took a third of its time.
  const move: Move = {
    state: assertTransition(outcome.kind, job.state),
    stage: job.stage,
    dueMs: tx.nowMs,
    attempts,
    crashes: job.crashes,
    holdCode: null,
    errorCode: null,
    reason: null,
    waitsOn: null,
    ending: null,
    trail: addToTrail(job.trail, job.stage, outcome.kind, whyOf(outcome), tx.wallMs),
    payload: shortPayload(job, outcome),
  };
  switch (outcome.kind) {
    case 'advance':
      move.stage = order.next(job.feed, job.stage)!;
      assert(order.stages.includes(move.stage), `no stage ${move.stage}`);
      // Failures of the stage before do not count any more. Crashes do: a job that kills its worker is found in any stage.
      move.attempts = 0;
      break;
    case 'back':
      move.stage = stageBefore(order, job, outcome.to);
      move.attempts = 0;
      break;
    case 'defer':
      move.dueMs += Math.ceil(outcome.inMs);
      // Another version: what the last one did does not count for it.
      if (outcome.identity !== undefined && outcome.identity !== job.identity) move.crashes = 0;
      move.reason = outcome.why;
      break;
    case 'wait':
      move.waitsOn = outcome.on;
      move.reason = outcome.why;
      break;
    case 'retry':
      move.dueMs += backoffMs(attempts, limits.retryFirstMs, limits.retryLongestMs);
      move.errorCode = outcome.code;
      move.reason = outcome.error;
      break;
    case 'hold':
      move.holdCode = outcome.code;
      move.reason = outcome.reason;
      break;
    case 'finish':
      move.ending = outcome.ending;
      break;
    case 'drop':
      move.ending = 'dropped';
      move.reason = outcome.why;
      break;
  }
  return move;
}

export interface StageOrder {
  stages: readonly StageName[];
  next(feed: string, stage: StageName): StageName | undefined;
}

/** Errors: an assertion, where `to` comes after the stage of the job. */
export function stageBefore({ stages }: StageOrder, { stage }: Pick<Job, 'stage'>, to: StageName): StageName {
  const at = stages.indexOf(to);
  assert(at >= 0 && at <= stages.indexOf(stage), `no way back from ${stage} to ${to}`);
  return to;
}

export function whyOf(outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case 'advance':
    case 'back':
      return undefined;
    case 'retry':
      return outcome.error;
    case 'hold':
      return `${outcome.code}: ${outcome.reason}`;
    case 'finish':
      return outcome.ending;
    default:
      return outcome.why;
  }
}

/** Other processes are only notified of jobs that are due now. This process checks its timers in any case. */
export function noteReady(tx: SqliteTx, dueMs: number): void {
  if (dueMs <= tx.nowMs) tx.madeReady = true;
  else tx.madeDueLater = true;
}

/** The job as a new claim of it would return it. */
export function nextClaim(
  tx: SqliteTx,
  job: ClaimedJob,
  move: Move,
  { identity, bytes, freeKey, interrupted }: Amend,
): ClaimedJob {
  return {
    id: job.id,
    feed: job.feed,
    key: job.key,
    identity: identity ?? job.identity,
    stage: move.stage,
    state: 'claimed',
    dueMs: move.dueMs,
    claimNo: job.claimNo + 1,
    owner: job.owner,
    attempts: move.attempts,
    crashes: move.crashes,
    interrupted: interrupted ?? job.interrupted,
    keyed: job.keyed && !freeKey,
    bytes: bytes ?? job.bytes,
    payload: move.payload === null ? job.payload : (JSON.parse(move.payload) as Payload),
    holdCode: null,
    reason: null,
    waitsOn: null,
    ending: null,
    createdAtMs: job.createdAtMs,
    updatedAtMs: tx.wallMs,
    trail: move.trail,
  };
}

function shortPayload(job: ClaimedJob, amend: Amend): string | null {
  const text = payloadText(amend);
  const [chars, most] = [text?.length ?? 0, limits.payloadCharsMax];
  assert(chars <= most, `the payload of job ${job.id} has ${chars} characters: at most ${most}`);
  return text;
}
