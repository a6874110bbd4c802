/**
 * Creates a job with a given id and without a key, for a file that was found and names its own job.
 * Guarantees: a job that is not done stays as it is, unless `overrule` is set (a rebuild over an older state). A done
 * job becomes ready again, with its old id and number.
 */
import type { FoundJob } from '../backend.js';
import { assertTransition, type State, type Transition } from '../states.js';
import { addToTrail, trailText } from '../trail.js';
import type { SqliteTx } from './tx.js';

/** The transition that makes a job ready. */
const TO_READY: Record<State, Transition> = {
  done: 'adopt',
  ready: 'nudge',
  claimed: 'rescue',
  waiting: 'wake',
  held: 'reopen',
};

const INSERT = `INSERT INTO jobs (feed, key, identity, bytes, stage, payload, state, due_ms, updated_ms, trail, keyed, id, created_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)`;
const REVIVE = `UPDATE jobs SET feed = ?, key = ?, identity = ?, bytes = ?, stage = ?, payload = ?, was = state, state = ?, due_ms = ?, updated_ms = ?, trail = ?,
  attempts = 0, crashes = 0, interrupted = 0, owner = NULL, waits_on = NULL, hold_code = NULL, keyed = 0, reason = NULL, ending = NULL WHERE id = ?`;

export function adopt(tx: SqliteTx, found: FoundJob): boolean {
  const old = tx.job(found.id);
  if (old && old.state !== 'done' && !found.overrule) return false;
  const before = old?.state ?? 'done';
  const state = assertTransition(TO_READY[before], before);
  const trail = trailText(addToTrail(old?.trail ?? [], found.stage, 'adopt', undefined, tx.wallMs));
  const values = [
    found.feed,
    found.key,
    found.identity,
    found.bytes,
    found.stage,
    JSON.stringify(found.payload),
    state,
    tx.nowMs,
    tx.wallMs,
    trail,
  ];
  if (old) tx.run(REVIVE, ...values, found.id);
  else tx.run(INSERT, ...values, found.id, tx.wallMs);
  tx.moved(before === 'done' ? undefined : old, { ...found, createdAtMs: old?.createdAtMs ?? tx.wallMs });
  tx.madeReady = true;
  return true;
}
