/** What was stored in the last two hours, as points of a curve, from the counters as they were every ten seconds. */
import type { Moment } from '../../queue/backend.js';
import { limits, type QueueView } from '../../queue/index.js';
import { processed } from '../telemetry/metrics.js';

export interface Curves {
  /** ISO 8601, ascending. */
  at: string[];
  /** Since the state was made: stored and duplicates together. */
  files: number[];
  bytes: number[];
}

/** The last point is now. Between two of them nothing else is known; where none is, nothing was counted. */
export function curvesOf(view: Pick<QueueView, 'history' | 'counters'>, nowMs = Date.now()): Curves {
  const moments: Pick<Moment, 'atMs' | 'counters'>[] = [
    ...view.history(limits.historyKeptMs),
    { atMs: nowMs, counters: view.counters() },
  ];
  const sums = moments.map(({ atMs, counters }) => ({
    at: new Date(atMs).toISOString(),
    ...processed({ counters: () => counters }),
  }));
  return {
    at: sums.map(({ at }) => at),
    files: sums.map(({ files }) => files),
    bytes: sums.map(({ bytes }) => bytes),
  };
}
