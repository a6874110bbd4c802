/**
 * Forgets a feed that nobody delivers to any more: its options, gates, counters, durations and samples.
 * Guarantees: nothing goes while it has a job that is not done. Jobs that are done stay, until `forget`.
 */
import type { SqliteTx } from './tx.js';

const TABLES = [
  ['feeds', 'name'],
  ['gates', 'feed'],
  ['counters', 'feed'],
  ['durations', 'feed'],
  ['samples', 'feed'],
] as const;

/** Answers how many of its jobs are not done: 0 where it was retired. */
export function retire(tx: SqliteTx, feed: string): number {
  const { n } = tx.get<{ n: number }>("SELECT count(*) AS n FROM jobs WHERE feed = ? AND state <> 'done'", feed)!;
  if (n === 0) for (const [table, column] of TABLES) tx.run(`DELETE FROM ${table} WHERE ${column} = ?`, feed);
  return n;
}
