/**
 * Ends waits in pieces: `Tx.wake` writes a row, and this wakes a thousand jobs in each transaction until none waits.
 * Guarantees: after a crash, the next process continues. A job that begins to wait meanwhile is woken once more than
 * needed; its stage then runs once without effect.
 */
import { limits } from '../limits.js';
import { assertTransition } from '../states.js';
import type { Committer } from './commit.js';
import type { SqliteTx } from './tx.js';

const WAKE = `UPDATE jobs SET was = state, state = ?, waits_on = NULL, due_ms = ?, updated_ms = ? WHERE seq IN (
  SELECT seq FROM jobs WHERE state = 'waiting' AND waits_on = ? ORDER BY due_ms LIMIT ?)`;

/** Returns true while there is more to do. */
export function wakeSome(tx: SqliteTx): boolean {
  const next = tx.get<{ target: string }>('SELECT target FROM wakes LIMIT 1');
  if (!next) return false;
  const ready = assertTransition('wake', 'waiting');
  const { changes } = tx.run(WAKE, ready, tx.nowMs, tx.wallMs, next.target, limits.wakeBatch);
  if (changes > 0) tx.madeReady = true;
  if (changes < limits.wakeBatch) tx.run('DELETE FROM wakes WHERE target = ?', next.target);
  return true;
}

export async function wakeAll(committer: Committer): Promise<void> {
  while (await committer.submit(wakeSome));
}
