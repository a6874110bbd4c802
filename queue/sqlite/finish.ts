/**
 * Ends jobs that end alike with one statement; one statement for each job costs twice as much.
 * Guarantees: each row is as `settle` would have written it alone. If a claim was lost, nothing is written, and the
 * caller settles the jobs one by one.
 */
import type { Amend, Outcome, Settlement } from '../backend.js';
import { limits } from '../limits.js';
import { assertTransition } from '../states.js';
import { entryText, trailEntry } from '../trail.js';
import type { SqliteTx } from './tx.js';

/** A smaller group is not worth its own statement. */
const GROUP_MIN = 8;

const FINISH = `UPDATE jobs SET was = state, state = ?, stage = ?, due_ms = ?, owner = NULL, attempts = ?, crashes = ?,
  reason = NULL, ending = ?, updated_ms = ?, keyed = 0, trail = substr(trail, 1, length(trail) - 1) || ?
  WHERE id IN (SELECT value FROM json_each(?)) AND state = 'claimed' AND owner = ? AND claim_no = ?`;

type Finish = Extract<Outcome, { kind: 'finish' }>;

/** True if the job ends, and its row changes in nothing else. */
function isPlainEnd({ job, outcome }: Settlement): boolean {
  if (typeof outcome === 'function' || outcome.kind !== 'finish' || !isPlain(outcome)) return false;
  const last = job.trail.at(-1);
  return last !== undefined && last.stage !== job.stage && job.trail.length < limits.trailMax;
}

const isPlain = ({ payload, identity, bytes, freeKey, interrupted }: Amend): boolean =>
  (payload ?? identity ?? bytes ?? freeKey ?? interrupted) === undefined;

/** Returns the settlements that it has done. Throws if the owner no longer has one of the claims. */
export function finishAlike(tx: SqliteTx, settlements: readonly Settlement[]): ReadonlySet<Settlement> {
  const groups = Map.groupBy(settlements.filter(isPlainEnd), groupKey);
  const ended = new Set<Settlement>();
  for (const group of groups.values()) {
    if (group.length < GROUP_MIN) continue;
    finishGroup(tx, group);
    for (const one of group) ended.add(one);
  }
  return ended;
}

function groupKey({ job, outcome }: Settlement): string {
  const { stage, owner, claimNo, attempts, crashes } = job;
  return [stage, owner, claimNo, attempts, crashes, (outcome as Finish).ending].join();
}

function finishGroup(tx: SqliteTx, group: readonly Settlement[]): void {
  const [{ job, outcome }] = group as [Settlement];
  const { ending } = outcome as Finish;
  const { stage, attempts, crashes } = job;
  const trail = `,${entryText(trailEntry(stage, 'finish', ending, tx.wallMs))}]`;
  const { changes } = tx.run(
    FINISH,
    ...[assertTransition('finish', job.state), stage, tx.nowMs, attempts, crashes, ending, tx.wallMs, trail],
    ...[JSON.stringify(group.map((one) => one.job.id)), job.owner, job.claimNo],
  );
  if (changes !== group.length) throw new Error(`${group.length - changes} of ${group.length} claims were lost`);
  for (const one of group) tx.moved(one.job, undefined);
}
