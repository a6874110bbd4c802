/**
 * Settles claims: writes each job's outcome in one transaction, together with the writes of the callers' functions.
 * Guarantees: a settlement counts only for its owner and claim number; one that is too late changes nothing. A function
 * that throws undoes its own writes, and its own job gets a `retry`; the rest of the batch does not fail (its functions
 * are then run once more). Counters are committed with what they count, so they are exact through crashes.
 */
import assert from 'node:assert/strict';
import type {
  Also,
  Amend,
  ClaimedJob,
  JobId,
  Outcome,
  Reader,
  SettleAnswer,
  Settlement,
  StageName,
} from '../backend.js';
import { isOfTheState } from '../errors.js';
import { limits } from '../limits.js';
import { assertTransition } from '../states.js';
import { trailText } from '../trail.js';
import { countStage } from './count-stages.js';
import { finishAlike } from './finish.js';
import { closedFor } from './gate.js';
import { afterLimit, atTheEnd, type Move, moveOf, nextClaim, noteReady, type StageOrder } from './outcome.js';
import { AMENDED, amendedBy } from './rows.js';
import type { SqliteTx } from './tx.js';

export interface SettleRules extends StageOrder {
  maxAttempts: number;
  /** True if a job of that feed that advances to that stage stays claimed by its owner. */
  keeps(feed: string, stage: StageName, bytes: number): boolean;
}

/** The stages of `asked` without a closed gate. Read once for a settlement, not for each job. */
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

export function settle(
  tx: SqliteTx,
  settlements: readonly Settlement[],
  rules: SettleRules,
  also: Also = () => {},
): SettleAnswer[] {
  const within = (act: () => SettleAnswer[]): SettleAnswer[] => {
    const answers = act();
    also(tx, new Map(settlements.flatMap(({ job }, i) => settledAs(job, answers[i]!))));
    return answers;
  };
  try {
    return tx.isolated(() => within(() => settleAll(tx, settlements, rules)));
  } catch (error) {
    if (!tx.db.inTransaction || isOfTheState(error)) throw error;
    // A savepoint for each job costs three times the settlement itself (60 µs, against 20 µs), so only a batch with a
    // failure pays it.
    return within(() => settlements.map((settlement) => settleCarefully(tx, settlement, rules)));
  }
}

const settledAs = (job: ClaimedJob, answer: SettleAnswer): [JobId, Outcome][] =>
  answer.settled ? [[job.id, answer.outcome]] : [];

function settleAll(tx: SqliteTx, given: readonly Settlement[], rules: SettleRules): SettleAnswer[] {
  const settlements = given.map(({ job, outcome }) => ({
    job,
    outcome: typeof outcome === 'function' ? outcome : atTheEnd(rules, job, outcome),
  }));
  const ended = finishAlike(tx, settlements);
  return settlements.map((settlement) => {
    if (!ended.has(settlement)) return settleOne(tx, settlement, rules);
    const outcome = settlement.outcome as Outcome;
    countStage(tx, settlement.job, outcome);
    return { settled: true, outcome };
  });
}

/** The writes of a function and the move of its job are done both, or neither. */
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
  if (!tx.isOurs(job)) return { settled: false };
  return moveOn(tx, job, outcome(tx, job), rules);
}

const bugOutcome = (error: unknown): Outcome => ({
  kind: 'retry',
  code: 'bug',
  error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  interrupted: true,
});

function moveOn(tx: SqliteTx, job: ClaimedJob, asked: Outcome, rules: SettleRules): SettleAnswer {
  const outcome = atTheEnd(rules, job, afterLimit(job, asked, rules.maxAttempts));
  const attempts = asked.kind === 'retry' ? job.attempts + 1 : job.attempts;
  const move = moveOf(tx, job, attempts, outcome, rules);
  const bytes = outcome.bytes ?? job.bytes;
  const isKept = outcome.kind === 'advance' && rules.keeps(job.feed, move.stage, bytes);
  const written = isKept ? keep(tx, job, move, outcome) : end(tx, job, move, outcome);
  if (!written) return { settled: false };
  const { feed, createdAtMs } = job;
  tx.moved(job, move.state === 'done' ? undefined : { feed, stage: move.stage, bytes, createdAtMs });
  countStage(tx, job, outcome);
  if (isKept) return { settled: true, outcome, next: nextClaim(tx, job, move, outcome) };
  if (move.state === 'ready') noteReady(tx, move.dueMs);
  return { settled: true, outcome };
}

/** The end of both statements; `written` has its values. */
const OF_CLAIM = `updated_ms = ?, trail = ?, ${AMENDED}
  WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?`;
const MOVE = `UPDATE jobs SET was = state, state = ?, stage = ?, due_ms = ?, owner = NULL, attempts = ?, crashes = ?, hold_code = ?, error_code = ?, reason = ?,
  waits_on = ?, ending = ?, ${OF_CLAIM}`;
/**
 * The owner keeps the claim. The state does not change, so the indexes of ready and claimed jobs need no write, which
 * halves the cost.
 */
const KEEP = `UPDATE jobs SET was = state, stage = ?, due_ms = ?, claim_no = claim_no + 1, attempts = 0,
  reason = NULL, ${OF_CLAIM}`;

/** Ends the claim. */
function end(tx: SqliteTx, job: ClaimedJob, move: Move, amend: Amend): boolean {
  const { state, stage, dueMs, attempts, crashes, holdCode, errorCode, reason, waitsOn, ending } = move;
  const values = [state, stage, dueMs, attempts, crashes, holdCode, errorCode, reason, waitsOn, ending];
  return written(tx, MOVE, values, job, move, amend);
}

/** Keeps the claim for the same owner. */
function keep(tx: SqliteTx, job: ClaimedJob, move: Move, amend: Amend): boolean {
  assertTransition('keep', job.state);
  return written(tx, KEEP, [move.stage, move.dueMs], job, move, amend);
}

function written(tx: SqliteTx, sql: string, values: unknown[], job: ClaimedJob, move: Move, amend: Amend): boolean {
  const { changes } = tx.run(
    sql,
    ...values,
    ...[tx.wallMs, trailText(move.trail), ...amendedBy(amend, move.payload, move.state === 'done')],
    ...[job.id, job.owner, job.claimNo],
  );
  assert(changes <= 1);
  return changes === 1;
}
