/**
 * Amounts a second, since the oldest moment of the last minute that the state remembers: it remembers one about every ten seconds in
 * which something was counted, so where there is none the rate is 0.
 */
import type { Counter, QueueView } from '../../../queue/index.js';

const RATE_MS = 60_000;

export type Rates = ReturnType<typeof ratesOf>;

/** Rates by what `amounts` reads from the counters, to a tenth. */
export function ratesOf(view: Pick<QueueView, 'counters' | 'earlierCounters'>) {
  const counters = view.counters();
  const first = view.earlierCounters(RATE_MS);
  const seconds = Math.max((first?.agoMs ?? 0) / 1_000, 1);
  return (amounts: (counters: readonly Counter[]) => ReadonlyMap<string, number>): ((key: string) => number) => {
    if (first === undefined) return () => 0;
    const [now, before] = [amounts(counters), amounts(first.counters)];
    // A feed that was retired took its counts with it.
    const risen = (key: string) => Math.max(0, (now.get(key) ?? 0) - (before.get(key) ?? 0));
    return (key) => Math.round((10 * risen(key)) / seconds) / 10;
  };
}
