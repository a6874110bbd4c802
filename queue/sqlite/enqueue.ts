/**
 * Enqueues candidates. At most one row of each (feed, key) has the key. Returns `new` (a job was created, or a held job
 * of an earlier version was reopened), `known`, or `busy` (offer it again).
 * Guarantees: if all candidates are known, nothing is written.
 */
import assert from 'node:assert/strict';
import type { Candidate, EnqueueAnswer, Holder, JobId, Reader, StageName } from '../backend.js';
import { limits } from '../limits.js';
import { assertTransition } from '../states.js';
import { addToTrail, trailText } from '../trail.js';
import type { SqliteTx } from './tx.js';

const HOLDER = 'SELECT id, identity, state, due_ms AS dueMs, reason FROM jobs WHERE feed = ? AND key = ? AND keyed = 1';
const INSERT = `INSERT INTO jobs (id, feed, key, identity, stage, state, due_ms, reason, bytes, payload, created_ms, updated_ms, trail)
  VALUES (?, ?, ?, ?, ?, 'ready', ?, ?, ?, ?, ?, ?, '[]') ON CONFLICT (feed, key) WHERE keyed = 1 DO NOTHING`;
const NUDGE = `UPDATE jobs SET due_ms = ?, updated_ms = ?, payload = CASE WHEN claim_no = 0 AND identity = ? THEN ? ELSE payload END
  WHERE id = ?`;
const REOPEN = `UPDATE jobs SET was = state, state = ?, stage = ?, identity = ?, bytes = ?, payload = ?, due_ms = ?, attempts = 0, crashes = 0,
  interrupted = 0, hold_code = NULL, error_code = NULL, reason = ?, updated_ms = ?, trail = ? WHERE id = ?`;

type EnqueueVerdict = EnqueueAnswer | 'nudge' | 'reopen';

/** Decides about a candidate, depending on the job that has its key. */
function verdictOn(holder: Holder | undefined, candidate: Candidate, nowMs: number): EnqueueVerdict {
  if (!holder) return 'new';
  const same = holder.identity === candidate.identity;
  // The stage may have looked at the file before this version came, and may then drop the job as vanished. Only a later
  // offer is sure to be seen.
  if (holder.state === 'claimed') return 'busy';
  if (holder.state === 'held' && !same) return 'reopen';
  return holder.state === 'ready' && candidate.nudge && holder.dueMs > nowMs ? 'nudge' : 'known';
}

export const holderOf = (rows: Reader, feed: string, key: Buffer): Holder | undefined =>
  rows.get<Holder>(HOLDER, feed, key);

/** The answers, if every candidate can be answered by reading; otherwise undefined. */
export function answersWithoutWriting(
  rows: Reader,
  batch: readonly Candidate[],
  nowMs: number,
): EnqueueAnswer[] | undefined {
  const answers: EnqueueAnswer[] = [];
  for (const candidate of batch) {
    const verdict = verdictOn(holderOf(rows, candidate.feed, candidate.key), candidate, nowMs);
    if (verdict !== 'known' && verdict !== 'busy') return undefined;
    answers.push(verdict);
  }
  return answers;
}

export function enqueue(
  tx: SqliteTx,
  batch: readonly Candidate[],
  first: StageName,
  newId: () => JobId,
): EnqueueAnswer[] {
  assert(batch.length <= limits.enqueueBatchMax);
  return batch.map((candidate) => {
    // Most candidates are new, so the insert comes first and the index reports the others.
    if (insert(tx, candidate, first, newId())) return 'new';
    const holder = holderOf(tx, candidate.feed, candidate.key);
    const verdict = verdictOn(holder, candidate, tx.nowMs);
    switch (verdict) {
      case 'reopen':
        reopen(tx, holder!, candidate, first);
        return 'new';
      case 'nudge':
        assertTransition('nudge', holder!.state);
        tx.run(NUDGE, tx.nowMs, tx.wallMs, candidate.identity, payloadText(candidate), holder!.id);
        tx.madeReady = true;
        return 'known';
      default:
        return verdict;
    }
  });
}

/** False if a job has the key. */
function insert(tx: SqliteTx, candidate: Candidate, stage: StageName, id: JobId): boolean {
  const { feed, key, identity, bytes } = candidate;
  assert(feed !== '' && feed !== '*', 'a feed has a name, and * means all of them');
  const { changes } = tx.run(
    INSERT,
    id,
    feed,
    key,
    identity,
    stage,
    dueMs(tx, candidate),
    candidate.why ?? null,
    bytes,
    payloadText(candidate),
    tx.wallMs,
    tx.wallMs,
  );
  if (changes === 0) return false;
  tx.moved(undefined, { feed, stage, bytes, createdAtMs: tx.wallMs });
  tx.madeReady = true;
  return true;
}

function reopen(tx: SqliteTx, holder: Holder, candidate: Candidate, first: StageName): void {
  const job = tx.job(holder.id)!;
  const trail = addToTrail(job.trail, job.stage, 'reopen', 'another version came', tx.wallMs);
  const { identity, bytes } = candidate;
  const state = assertTransition('reopen', holder.state);
  tx.run(
    REOPEN,
    state,
    first,
    identity,
    bytes,
    payloadText(candidate),
    candidate.nudge ? tx.nowMs : dueMs(tx, candidate),
    candidate.why ?? null,
    tx.wallMs,
    trailText(trail),
    holder.id,
  );
  tx.moved(job, { ...job, stage: first, bytes });
  tx.madeReady = true;
}

const dueMs = (tx: SqliteTx, candidate: Candidate): number => tx.nowMs + Math.ceil(candidate.dueInMs);

function payloadText(candidate: Candidate): string {
  const text = JSON.stringify(candidate.payload);
  assert(
    text.length <= limits.payloadCharsMax,
    `a payload of ${text.length} characters: at most ${limits.payloadCharsMax}`,
  );
  return text;
}
