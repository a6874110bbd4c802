/**
 * Settles claims: writes each job's outcome in one transaction, together with the writes of the callers' functions.
 * Guarantees: a settlement counts only for its owner and claim number; one that is too late changes nothing. A function
 * that throws undoes its own writes, and its own job gets a `retry`; the rest of the batch does not fail (its functions
 * are then run once more). Counters are committed with what they count, so they are exact through crashes.
 */
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
} from '../backend.js';
import { isOfTheState } from '../errors.js';
import { limits } from '../limits.js';
import { addToTrail } from '../trail.js';
import { countStages } from './count-stages.js';
import { finishAlike } from './finish.js';
import { closedFor } from './gate.js';
import { afterLimit, moveOf, nextClaim, noteReady, passing, payloadText, under, whyOf } from './outcome.js';
import type { SqliteTx } from './tx.js';
import { end, keep } from './write-move.js';

export interface SettleRules {
  stages: readonly StageName[];
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

const OURS = "SELECT 1 FROM jobs WHERE id = ? AND state = 'claimed' AND owner = ? AND claim_no = ?";
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
    // A savepoint for each job costs three times the settlement itself (60 µs, against 20 µs), so only a batch with a
    // failure pays it.
    return within(() => settlements.map((settlement) => settleCarefully(tx, settlement, rules)));
  }
}

function settleAll(tx: SqliteTx, settlements: readonly Settlement[], rules: SettleRules): SettleAnswer[] {
  const ended = finishAlike(tx, settlements, rules.stages);
  return settlements.map((settlement) => {
    if (!ended.has(settlement)) return settleOne(tx, settlement, rules);
    const outcome = settlement.outcome as Outcome;
    countStages(tx, settlement, outcome, rules.stages);
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
    return moveOn(tx, settlement, afterPassed(settlement, tx, rules.stages), bugOutcome(error), rules);
  }
}

function settleOne(tx: SqliteTx, settlement: Settlement, rules: SettleRules): SettleAnswer {
  const { job, outcome } = settlement;
  if (typeof outcome !== 'function')
    return moveOn(tx, settlement, afterPassed(settlement, tx, rules.stages), outcome, rules);
  if (!tx.get(OURS, job.id, job.owner, job.claimNo)) return { settled: false };
  const at = afterPassed(settlement, tx, rules.stages);
  return moveOn(tx, settlement, at, outcome(tx, at), rules);
}

const bugOutcome = (error: unknown): Outcome => ({
  kind: 'retry',
  code: 'bug',
  error: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
});

/** The job after the stages that it has passed. */
function afterPassed({ job, passed = [] }: Settlement, tx: SqliteTx, stages: readonly StageName[]): ClaimedJob {
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
  const { feed, createdAtMs } = job;
  const bytes = amend.bytes ?? job.bytes;
  tx.moved(job, move.state === 'done' ? undefined : { feed, stage: move.stage, bytes, createdAtMs });
  countStages(tx, settlement, outcome, rules.stages);
  if (isKept) {
    const { memo } = outcome as Advance;
    return { settled: true, outcome, next: nextClaim(tx, job, move, trail, payload, amend, memo) };
  }
  if (move.state === 'ready') noteReady(tx, move.dueMs);
  return { settled: true, outcome };
}
