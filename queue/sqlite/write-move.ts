/**
 * The two statements that write a settlement into the row of its job.
 * Guarantees: nothing is written if the owner no longer has the claim. Each returns whether it had.
 */
import assert from 'node:assert/strict';
import type { Amend, ClaimedJob } from '../backend.js';
import { assertTransition } from '../states.js';
import { trailText } from '../trail.js';
import type { Move } from './outcome.js';
import { AMENDED, amendedBy } from './rows.js';
import type { SqliteTx } from './tx.js';

/** The end of both statements; `written` has its values. */
const OF_CLAIM = `updated_ms = ?, trail = ?, ${AMENDED}
  WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?`;
const MOVE = `UPDATE jobs SET was = state, state = ?, stage = ?, due_ms = ?, owner = NULL, attempts = ?, crashes = ?, hold_code = ?, reason = ?,
  waits_on = ?, ending = ?, ${OF_CLAIM}`;
/**
 * The owner keeps the claim. The state does not change, so the indexes of ready and claimed jobs need no write, which
 * halves the cost.
 */
const KEEP = `UPDATE jobs SET was = state, stage = ?, due_ms = ?, claim_no = claim_no + 1, attempts = 0,
  reason = NULL, ${OF_CLAIM}`;

/** Ends the claim. */
export function end(tx: SqliteTx, job: ClaimedJob, move: Move, amend: Amend): boolean {
  const { state, stage, dueMs, attempts, crashes, holdCode, reason, waitsOn, ending } = move;
  const values = [state, stage, dueMs, attempts, crashes, holdCode, reason, waitsOn, ending];
  return written(tx, MOVE, values, job, move, amend);
}

/** Keeps the claim for the same owner. */
export function keep(tx: SqliteTx, job: ClaimedJob, move: Move, amend: Amend): boolean {
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
