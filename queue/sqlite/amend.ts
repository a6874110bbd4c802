/**
 * Outcomes for held jobs, decided by an operator or by what releases them: `decide` is called for each job inside the
 * transaction. `back` and `defer` make the job ready again and reset attempts and crashes; `finish` and `drop` end it;
 * `hold` changes its code. The others make no sense without a claim: a bug.
 */
import assert from 'node:assert/strict';
import type { Job, JobId, Outcome, Tx } from '../backend.js';
import { assertTransition } from '../states.js';
import { addToTrail, trailText } from '../trail.js';
import { countOutcome } from './count-stages.js';
import { noteReady, type StageOrder, stageBefore, whyOf } from './outcome.js';
import { AMENDED, amendedBy, payloadText } from './rows.js';
import type { SqliteTx } from './tx.js';

const AMEND = `UPDATE jobs SET was = state, state = ?, stage = ?, due_ms = ?, attempts = ?, crashes = ?, hold_code = ?, reason = ?, ending = ?,
  updated_ms = ?, trail = ?, ${AMENDED} WHERE id = ? AND state = 'held'`;

export function amendHeld(
  tx: SqliteTx,
  ids: readonly JobId[],
  decide: (tx: Tx, job: Job) => Outcome,
  order: StageOrder,
): boolean[] {
  return ids.map((id) => {
    const job = tx.job(id);
    if (job?.state !== 'held') return false;
    amendOne(tx, job, decide(tx, job), order);
    return true;
  });
}

function amendOne(tx: SqliteTx, job: Job, outcome: Outcome, order: StageOrder): void {
  const goesOn = outcome.kind === 'back' || outcome.kind === 'defer';
  const state = assertTransition(goesOn ? 'reopen' : outcome.kind, job.state);
  const stage = outcome.kind === 'back' ? stageBefore(order, job, outcome.to) : job.stage;
  const dueMs = tx.nowMs + (outcome.kind === 'defer' ? Math.ceil(outcome.inMs) : 0);
  const ending = outcome.kind === 'finish' ? outcome.ending : outcome.kind === 'drop' ? 'dropped' : null;
  const { code, reason } = outcome.kind === 'hold' ? outcome : { code: null, reason: null };
  const trail = trailText(
    addToTrail(job.trail, job.stage, goesOn ? 'reopen' : outcome.kind, whyOf(outcome), tx.wallMs),
  );
  const { changes } = tx.run(
    AMEND,
    ...[state, stage, dueMs, goesOn ? 0 : job.attempts, goesOn ? 0 : job.crashes, code, reason, ending],
    ...[tx.wallMs, trail, ...amendedBy(outcome, payloadText(outcome), state === 'done'), job.id],
  );
  assert.equal(changes, 1);
  tx.moved(job, state === 'done' ? undefined : { ...job, stage, bytes: outcome.bytes ?? job.bytes });
  if (!goesOn) countOutcome(tx, job, job.stage, job.bytes, outcome);
  else noteReady(tx, dueMs);
}
