/** What was stored in the last two hours, as points of a curve, from the counters as they were every ten seconds. */
import type { Counter, Moment } from '../../queue/backend.js';
import { limits, type QueueView } from '../../queue/index.js';

export interface Curves {
  /** Unix seconds, ascending. */
  at: number[];
  /** Since the state was made: stored and duplicates together. */
  files: number[];
  bytes: number[];
}

const PROCESSED = ['stored', 'duplicate'];

/** The last point is now. Between two of them nothing else is known; where none is, nothing was counted. */
export function curvesOf(view: Pick<QueueView, 'history' | 'counters'>, nowMs = Date.now()): Curves {
  const moments: Pick<Moment, 'atMs' | 'counters'>[] = [
    ...view.history(limits.historyKeptMs),
    { atMs: nowMs, counters: view.counters() },
  ];
  const sums = moments.map(({ atMs, counters }) => ({ at: Math.round(atMs / 1_000), ...processed(counters) }));
  return {
    at: sums.map(({ at }) => at),
    files: sums.map(({ files }) => files),
    bytes: sums.map(({ bytes }) => bytes),
  };
}

function processed(counters: readonly Counter[]): { files: number; bytes: number } {
  let [files, bytes] = [0, 0];
  for (const counter of counters) {
    if (!PROCESSED.includes(counter.name)) continue;
    files += counter.files;
    bytes += counter.bytes;
  }
  return { files, bytes };
}
