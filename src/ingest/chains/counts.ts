/**
 * Counts the records, rejected records and outputs of chains, by feed.
 * Guarantees: the counting transaction is the one that records the outputs, so each file counts once, through crashes and retries.
 * Does not: reduce a count when a file is discarded or withdrawn later.
 */
import type { Counter, Tx } from '../../../queue/backend.js';
import type { Processed } from './recorded-outputs.js';

/** Counter names of the stage `process`, in addition to those of its outcomes. `outputs` counts bytes too. */
export const COUNTED = { records: 'records', rejected: 'rejected', outputs: 'outputs' } as const;
const STAGE = 'process';

export function countProcessed(tx: Tx, feed: string, { rows, rejected, outputs }: Processed): void {
  tx.count(feed, STAGE, COUNTED.records, rows, 0);
  tx.count(feed, STAGE, COUNTED.rejected, rejected, 0);
  const bytes = outputs.reduce((sum, { size }) => sum + size, 0);
  tx.count(feed, STAGE, COUNTED.outputs, outputs.length, bytes);
}

export interface ChainCounts {
  records: number;
  rejected: number;
  outputs: number;
  outputBytes: number;
}

/** By feed, since the state was made. A feed without counts is left out. */
export function chainCounts(counters: readonly Counter[]): Map<string, ChainCounts> {
  const all = new Map<string, ChainCounts>();
  const names: readonly string[] = Object.values(COUNTED);
  for (const { feed, stage, name, files, bytes } of counters) {
    if (stage !== STAGE || !names.includes(name)) continue;
    const sums = all.get(feed) ?? { records: 0, rejected: 0, outputs: 0, outputBytes: 0 };
    all.set(feed, sums);
    sums[name as keyof typeof COUNTED] += files;
    sums.outputBytes += bytes;
  }
  return all;
}
