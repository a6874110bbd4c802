/**
 * Forgets a feed that receives no more files: its options, gates, counters, durations and samples.
 * Guarantees: nothing is removed while the feed has a job that is not done. Done jobs stay until `forget`.
 */
import type { SqliteTx } from './tx.js';

const TABLES = [
  ['feeds', 'name'],
  ['gates', 'feed'],
  ['counters', 'feed'],
  ['durations', 'feed'],
  ['samples', 'feed'],
] as const;

/** Returns the number of its jobs that are not done; 0: it was retired. */
export function retire(tx: SqliteTx, feed: string): number {
  // The depths are committed with the jobs. No index finds the few open jobs among the done ones of a feed.
  const { n } = tx.get<{ n: number }>('SELECT coalesce(sum(jobs), 0) AS n FROM depths WHERE feed = ?', feed)!;
  if (n === 0) for (const [table, column] of TABLES) tx.run(`DELETE FROM ${table} WHERE ${column} = ?`, feed);
  return n;
}
