/**
 * The two statements that write a settlement into the row of its job.
 * Guarantees: nothing is written if the owner no longer has the claim. Each returns whether it had.
 */
import assert from 'node:assert/strict';
import type { Amend, ClaimedJob, TrailEntry } from '../backend.js';
import { assertTransition } from '../states.js';
import { trailText } from '../trail.js';
import type { Move } from './outcome.js';
import { flagOf } from './rows.js';
import type { SqliteTx } from './tx.js';

const MOVE = `UPDATE jobs SET was = state, state = ?, stage = ?, due_ms = ?, owner = NULL, attempts = ?, crashes = ?, hold_code = ?, reason = ?,
  waits_on = ?, ending = ?, updated_ms = ?, trail = ?,
  payload = coalesce(?, payload), identity = coalesce(?, identity), bytes = coalesce(?, bytes), keyed = min(keyed, ?),
  interrupted = coalesce(?, interrupted)
  WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?`;
/**
 * The owner keeps the claim. The state does not change, so the indexes of ready and claimed jobs need no write, which
 * halves the cost.
 */
const KEEP = `UPDATE jobs SET was = state, stage = ?, due_ms = ?, claim_no = claim_no + 1, attempts = 0,
  reason = NULL, updated_ms = ?, trail = ?,
  payload = coalesce(?, payload), identity = coalesce(?, identity), bytes = coalesce(?, bytes), keyed = min(keyed, ?),
  interrupted = coalesce(?, interrupted)
  WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?`;

/** Ends the claim. */
export function end(
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
    flagOf(amend),
    job.id,
    job.owner,
    job.claimNo,
  );
  assert(changes <= 1);
  return changes === 1;
}

/** Keeps the claim for the same owner. */
export function keep(
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
    flagOf(amend),
    job.id,
    job.owner,
    job.claimNo,
  );
  assert(changes <= 1);
  return changes === 1;
}
