/** The files stored in the last two hours, as points of a curve, from the counters as they were every ten seconds. */
import type { Moment } from '../../../../queue/backend.js';
import { limits, type QueueView } from '../../../../queue/index.js';
import { processed } from '../../../base/telemetry/metrics.js';

export interface Curves {
  /** ISO 8601, ascending. */
  at: string[];
  /** Since the state was made: stored and duplicates together. */
  files: number[];
  bytes: number[];
}

/**
 * The last point is now. Where nothing was noted for a while, all that was counted since the last moment was counted in the ten
 * seconds after it: a point says so, and a burst that is over stays where it was.
 */
export function curvesOf(view: Pick<QueueView, 'history' | 'counters'>, nowMs = Date.now()): Curves {
  const noted = view.history(limits.historyKeptMs);
  const counters = view.counters();
  const lastMs = noted.at(-1)?.atMs ?? nowMs;
  const moments: Pick<Moment, 'atMs' | 'counters'>[] = [
    ...noted,
    ...(nowMs - lastMs > 2 * limits.historyEveryMs ? [{ atMs: lastMs + limits.historyEveryMs, counters }] : []),
    { atMs: nowMs, counters },
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
