/**
 * Ends claims: moves every job on, in one transaction with what the callers' functions write.
 * Guarantees: a settlement counts only for the owner and the claim number that it names, and who is too late changes nothing;
 * a function that throws undoes its own writes and becomes a `retry` of its own job, never the batch's failure (the rest
 * of the batch is then decided once more);
 * what is counted commits with what it counts, so the counters are exact through crashes.
 */
import assert from 'node:assert/strict';
import type {
  Advance,
  Amend,
  Around,
  ClaimedJob,
  Outcome,
  Reader,
  SettleAnswer,
  Settlement,
  StageName,
  TrailEntry,
} from '../backend.js';
import { isOfTheState } from '../errors.js';
import { limits } from '../limits.js';
import { assertTransition } from '../states.js';
import { addToTrail, trailText } from '../trail.js';
import { finishAlike } from './finish.js';
import { closedFor } from './gate.js';
import {
  afterLimit,
  countWay,
  type Move,
  moveOf,
  nextClaim,
  noteReady,
  passing,
  payloadText,
  under,
  whyOf,
} from './outcome.js';
import type { SqliteTx } from './tx.js';

export interface SettleRules {
  stages: readonly StageName[];
  maxAttempts: number;
  /** Whether a job of that feed, which advances to that stage, stays claimed by its owner. */
  keeps(feed: string, stage: StageName, bytes: number): boolean;
}

/** Stages of `asked`, except where a gate is closed. Asked for once a settlement, not once a job. */
export function keeping(rows: Reader, asked: ReadonlySet<StageName>): SettleRules['keeps'] {
  const closed = new Map([...asked].map((stage) => [stage, closedFor(rows, stage)]));
  let kept = 0;
  return (feed, stage, bytes) => {
    if (closed.get(stage)?.(feed) !== false) return false;
    if (kept > 0 && kept + bytes > limits.claimBytesMax) return false;
    kept += bytes;
    return true;
  };
}

const OURS = "SELECT 1 FROM jobs WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?";
const MOVE = `UPDATE jobs SET was = state, state = ?, stage = ?, due_ms = ?, owner = NULL, attempts = ?, crashes = ?, hold_code = ?, reason = ?,
  waits_on = ?, ending = ?, updated_ms = ?, trail = ?,
  payload = coalesce(?, payload), identity = coalesce(?, identity), bytes = coalesce(?, bytes), keyed = min(keyed, ?)
  WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?`;
/** The same owner goes on: with the state as it is, the indexes of ready and claimed jobs stay untouched, which halves the cost. */
const KEEP = `UPDATE jobs SET was = state, stage = ?, due_ms = ?, claim_no = claim_no + 1, attempts = 0, crashes = 0,
  reason = NULL, updated_ms = ?, trail = ?,
  payload = coalesce(?, payload), identity = coalesce(?, identity), bytes = coalesce(?, bytes), keyed = min(keyed, ?)
  WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?`;

export function settle(
  tx: SqliteTx,
  settlements: readonly Settlement[],
  rules: SettleRules,
  around: Around = {},
): SettleAnswer[] {
  const within = (act: () => SettleAnswer[]): SettleAnswer[] => {
    around.before?.(tx);
    const answers = act();
    around.after?.(tx, new Set(settlements.flatMap(({ job }, i) => (answers[i]!.settled ? [job.id] : []))));
    return answers;
  };
  try {
    return tx.isolated(() => within(() => settleAll(tx, settlements, rules)));
  } catch (error) {
    if (!tx.db.inTransaction || isOfTheState(error)) throw error;
    // A savepoint a job costs three times the settlement itself (60 µs against 20), so only a batch with a failure pays it.
    return within(() => settlements.map((settlement) => settleCarefully(tx, settlement, rules)));
  }
}

function settleAll(tx: SqliteTx, settlements: readonly Settlement[], rules: SettleRules): SettleAnswer[] {
  const ended = finishAlike(tx, settlements, rules.stages);
  return settlements.map((settlement) => {
    if (!ended.has(settlement)) return settleOne(tx, settlement, rules);
    const outcome = settlement.outcome as Outcome;
    countWay(tx, settlement, outcome, rules.stages);
    return { settled: true, outcome };
  });
}

/** What a function wrote and its job's move stand or fall together. */
function settleCarefully(tx: SqliteTx, settlement: Settlement, rules: SettleRules): SettleAnswer {
  if (typeof settlement.outcome !== 'function') return settleOne(tx, settlement, rules);
  try {
    return tx.isolated(() => settleOne(tx, settlement, rules));
  } catch (error) {
    if (!tx.db.inTransaction || isOfTheState(error)) throw error;
    return moveOn(tx, settlement, behind(settlement, tx, rules.stages), bugOutcome(error), rules);
  }
}

function settleOne(tx: SqliteTx, settlement: Settlement, rules: SettleRules): SettleAnswer {
  const { job, outcome } = settlement;
  if (typeof outcome !== 'function')
    return moveOn(tx, settlement, behind(settlement, tx, rules.stages), outcome, rules);
  if (!tx.get(OURS, job.id, job.owner, job.claimNo)) return { settled: false };
  const at = behind(settlement, tx, rules.stages);
  return moveOn(tx, settlement, at, outcome(tx, at), rules);
}

const bugOutcome = (error: unknown): Outcome => ({
  kind: 'retry',
  code: 'bug',
  error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
});

/** The job as it is behind the stages that it has passed. */
function behind({ job, passed = [] }: Settlement, tx: SqliteTx, stages: readonly StageName[]): ClaimedJob {
  return passed.reduce((at, advance) => passing(at, advance, tx.wallMs, stages), job);
}

function moveOn(
  tx: SqliteTx,
  settlement: Settlement,
  at: ClaimedJob,
  asked: Outcome,
  rules: SettleRules,
): SettleAnswer {
  const { job, passed } = settlement;
  const outcome = afterLimit(at, asked, rules.maxAttempts);
  const attempts = asked.kind === 'retry' ? at.attempts + 1 : at.attempts;
  const move = moveOf(tx, at, attempts, outcome, rules.stages);
  const trail = addToTrail(at.trail, at.stage, outcome.kind, whyOf(outcome), tx.wallMs);
  const isKept = outcome.kind === 'advance' && rules.keeps(at.feed, move.stage, outcome.bytes ?? at.bytes);
  const amend = passed ? passed.reduceRight(under, outcome as Amend) : outcome;
  const payload = payloadText(at, amend);
  const written = isKept ? keep(tx, job, move, trail, payload, amend) : end(tx, job, move, trail, payload, amend);
  if (!written) return { settled: false };
  countWay(tx, settlement, outcome, rules.stages);
  if (isKept) {
    const { memo } = outcome as Advance;
    return { settled: true, outcome, next: nextClaim(tx, job, move, trail, payload, amend, memo) };
  }
  if (move.state === 'ready') noteReady(tx, move.dueMs);
  return { settled: true, outcome };
}

function end(
  tx: SqliteTx,
  job: ClaimedJob,
  move: Move,
  trail: TrailEntry[],
  payload: string | null,
  amend: Amend,
): boolean {
  const { state, stage, dueMs, attempts, crashes, holdCode, reason, waitsOn, ending } = move;
  const { changes } = tx.run(
    MOVE,
    state,
    stage,
    dueMs,
    attempts,
    crashes,
    holdCode,
    reason,
    waitsOn,
    ending,
    tx.wallMs,
    trailText(trail),
    payload,
    amend.identity ?? null,
    amend.bytes ?? null,
    amend.freeKey || state === 'done' ? 0 : 1,
    job.id,
    job.owner,
    job.claimNo,
  );
  assert(changes <= 1);
  return changes === 1;
}

function keep(
  tx: SqliteTx,
  job: ClaimedJob,
  move: Move,
  trail: TrailEntry[],
  payload: string | null,
  amend: Amend,
): boolean {
  assertTransition('keep', job.state);
  const { changes } = tx.run(
    KEEP,
    move.stage,
    move.dueMs,
    tx.wallMs,
    trailText(trail),
    payload,
    amend.identity ?? null,
    amend.bytes ?? null,
    amend.freeKey ? 0 : 1,
    job.id,
    job.owner,
    job.claimNo,
  );
  assert(changes <= 1);
  return changes === 1;
}
