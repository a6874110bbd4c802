/**
 * Ends claims: moves every job on, in one transaction with what the callers' functions write.
 * Guarantees: a settlement counts only for the owner and the claim number that it names, and who is too late changes nothing;
 * a function that throws undoes its own writes and becomes a `retry` of its own job, never the batch's failure (the rest
 * of the batch is then decided once more);
 * counters change here and nowhere else, so they are exact through crashes.
 */
import assert from 'node:assert/strict';
import type { ClaimedJob, Outcome, SettleAnswer, Settlement, StageName } from '../backend.js';
import { backoffMs } from '../clock.js';
import { isOfTheState } from '../errors.js';
import { limits } from '../limits.js';
import { assertTransition, type State } from '../states.js';
import { addToTrail } from '../trail.js';
import type { SqliteTx } from './tx.js';

export interface SettleRules {
  stages: readonly StageName[];
  maxAttempts: number;
}

/** Where an outcome leads a job. */
export interface Move {
  state: State;
  stage: StageName;
  dueMs: number;
  attempts: number;
  crashes: number;
  holdCode: string | null;
  reason: string | null;
  waitsOn: string | null;
  ending: string | null;
}

const OURS = "SELECT 1 FROM jobs WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?";
const MOVE = `UPDATE jobs SET was = state, state = ?, stage = ?, due_ms = ?, owner = NULL, attempts = ?, crashes = ?, hold_code = ?, reason = ?,
  waits_on = ?, ending = ?, updated_ms = ?, trail = ?,
  payload = coalesce(?, payload), identity = coalesce(?, identity), bytes = coalesce(?, bytes), keyed = min(keyed, ?)
  WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?`;

export function settle(tx: SqliteTx, settlements: readonly Settlement[], rules: SettleRules): SettleAnswer[] {
  try {
    return tx.isolated(() => settlements.map((settlement) => settleOne(tx, settlement, rules)));
  } catch (error) {
    if (!tx.db.inTransaction || isOfTheState(error)) throw error;
    // A savepoint a job costs three times the settlement itself (60 µs against 20), so only a batch with a failure pays it.
    return settlements.map((settlement) => settleCarefully(tx, settlement, rules));
  }
}

/** What a function wrote and its job's move stand or fall together. */
function settleCarefully(tx: SqliteTx, settlement: Settlement, rules: SettleRules): SettleAnswer {
  if (typeof settlement.outcome !== 'function') return settleOne(tx, settlement, rules);
  try {
    return tx.isolated(() => settleOne(tx, settlement, rules));
  } catch (error) {
    if (!tx.db.inTransaction || isOfTheState(error)) throw error;
    return moveOn(tx, settlement.job, bugOutcome(error), rules);
  }
}

function settleOne(tx: SqliteTx, { job, outcome }: Settlement, rules: SettleRules): SettleAnswer {
  if (typeof outcome !== 'function') return moveOn(tx, job, outcome, rules);
  if (!tx.get(OURS, job.id, job.owner, job.claimNo)) return { settled: false };
  return moveOn(tx, job, outcome(tx, job), rules);
}

const bugOutcome = (error: unknown): Outcome => ({
  kind: 'retry',
  code: 'bug',
  error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
});

function moveOn(tx: SqliteTx, job: ClaimedJob, asked: Outcome, rules: SettleRules): SettleAnswer {
  const outcome = afterLimit(job, asked, rules);
  const attempts = asked.kind === 'retry' ? job.attempts + 1 : job.attempts;
  const move = moveOf(tx, { ...job, attempts }, outcome, rules.stages);
  const payload = outcome.payload === undefined ? null : JSON.stringify(outcome.payload);
  assert(
    payload === null || payload.length <= limits.payloadCharsMax,
    `the payload of job ${job.id} is longer than ${limits.payloadCharsMax} characters`,
  );
  const trail = JSON.stringify(addToTrail(job.trail, job.stage, outcome.kind, whyOf(outcome), tx.wallMs));
  const keyed = outcome.freeKey || move.state === 'done' ? 0 : 1;
  const { changes } = tx.run(
    MOVE,
    ...[
      move.state,
      move.stage,
      move.dueMs,
      move.attempts,
      move.crashes,
      move.holdCode,
      move.reason,
      move.waitsOn,
      move.ending,
    ],
    ...[tx.wallMs, trail, payload, outcome.identity ?? null, outcome.bytes ?? null, keyed],
    ...[job.id, job.owner, job.claimNo],
  );
  if (changes === 0) return { settled: false };
  assert.equal(changes, 1);
  countOutcome(tx, job, outcome);
  if (move.state === 'ready') noteReady(tx, move.dueMs);
  return { settled: true, outcome };
}

/** A retry beyond the limit is a hold with the retry's code. */
function afterLimit(job: ClaimedJob, outcome: Outcome, rules: SettleRules): Outcome {
  if (outcome.kind !== 'retry' || job.attempts + 1 < rules.maxAttempts) return outcome;
  const { error, code, kind: _, ...amend } = outcome;
  return { kind: 'hold', code, reason: error, ...amend };
}

function moveOf(tx: SqliteTx, job: ClaimedJob, outcome: Outcome, stages: readonly StageName[]): Move {
  const { attempts, crashes, stage } = job;
  const state = assertTransition(outcome.kind, job.state);
  const stays: Move = {
    state,
    stage,
    dueMs: tx.nowMs,
    attempts,
    crashes,
    holdCode: null,
    reason: null,
    waitsOn: null,
    ending: null,
  };
  switch (outcome.kind) {
    case 'advance':
      // What a job failed at lies behind it now.
      return { ...stays, stage: stageAfter(stages, stage, outcome.to), attempts: 0, crashes: 0 };
    case 'defer':
      return { ...stays, dueMs: tx.nowMs + Math.ceil(outcome.inMs), reason: outcome.why };
    case 'wait':
      return { ...stays, waitsOn: outcome.on, reason: outcome.why };
    case 'retry': {
      const inMs = backoffMs(attempts, limits.retryFirstMs, limits.retryLongestMs);
      return { ...stays, dueMs: tx.nowMs + inMs, reason: outcome.error };
    }
    case 'hold':
      return { ...stays, holdCode: outcome.code, reason: outcome.reason };
    case 'finish':
      return { ...stays, ending: outcome.ending };
    case 'drop':
      return { ...stays, ending: 'dropped', reason: outcome.why };
  }
}

export function stageAfter(stages: readonly StageName[], stage: StageName, to: StageName | undefined): StageName {
  const next = to ?? stages[stages.indexOf(stage) + 1];
  assert(next !== undefined && stages.includes(next), `no stage ${to ?? `after ${stage}`}`);
  return next;
}

export function whyOf(outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case 'advance':
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

/** An ending is counted under its own name too. */
export function countOutcome(
  tx: SqliteTx,
  job: { feed: string; stage: StageName; bytes: number },
  outcome: Outcome,
): void {
  const bytes = outcome.bytes ?? job.bytes;
  tx.count(job.feed, job.stage, outcome.kind, 1, bytes);
  if (outcome.kind === 'finish') tx.count(job.feed, job.stage, outcome.ending, 1, bytes);
}

/** Others are told only of what is due now; this process looks at its timers in any case. */
export function noteReady(tx: SqliteTx, dueMs: number): void {
  if (dueMs <= tx.nowMs) tx.madeReady = true;
  else tx.madeDueLater = true;
}
