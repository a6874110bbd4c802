/**
 * Forgets jobs that ended long ago, with their histories. They are found by reading; the transaction that deletes them
 * is short, and checks the condition again.
 * Guarantees: only done jobs are deleted. They are not counted in `depths`, have no key, and nothing waits for them.
 */
import type { EndedPage, Reader } from '../backend.js';
import type { SqliteTx } from './tx.js';

const PAGE = 'SELECT seq, state, updated_ms FROM jobs WHERE seq > ? ORDER BY seq LIMIT ? + 0';
const FORGET = `DELETE FROM jobs WHERE seq IN (SELECT value FROM json_each(?)) AND state = 'done' AND updated_ms < ?`;

/**
 * Reads all jobs, page by page. Their order does not help: a clock that was wrong for a while has put old jobs after
 * young ones.
 */
export function endedBefore(rows: Reader, beforeMs: number, after: number, max: number): EndedPage {
  const page = rows.arrays(PAGE, after, max) as [seq: number, state: string, updatedMs: number][];
  return {
    seqs: page.filter(([, state, updatedMs]) => state === 'done' && updatedMs < beforeMs).map(([seq]) => seq),
    next: page.length < max ? undefined : page.at(-1)![0],
  };
}

export const forget = (tx: SqliteTx, seqs: readonly number[], beforeMs: number): number =>
  tx.run(FORGET, JSON.stringify(seqs), beforeMs).changes;
