/**
 * Amounts a second, since the oldest moment of the last minute that the state remembers: it remembers one about every ten seconds in
 * which something was counted, so where there is none the rate is 0.
 */
import type { Counter, QueueView } from '../../../queue/index.js';

const RATE_MS = 60_000;

export class Rates {
  readonly #now: readonly Counter[];
  readonly #before: readonly Counter[] | undefined;
  readonly #seconds: number;

  constructor(view: Pick<QueueView, 'counters' | 'earlierCounters'>) {
    this.#now = view.counters();
    const first = view.earlierCounters(RATE_MS);
    this.#before = first?.counters;
    this.#seconds = Math.max((first?.agoMs ?? 0) / 1_000, 1);
  }

  /** By what `amounts` reads from the counters. */
  by(amounts: (counters: readonly Counter[]) => Map<string, number>): (key: string) => number {
    if (this.#before === undefined) return () => 0;
    const [now, before] = [amounts(this.#now), amounts(this.#before)];
    return (key) => ((now.get(key) ?? 0) - (before.get(key) ?? 0)) / this.#seconds;
  }

  /** Files and bytes of the counters of these names, of a feed or of all (`*`), to a tenth. */
  of(names: readonly string[], feed: string): { files: number; bytes: number } {
    const sum = (counters: readonly Counter[], what: 'files' | 'bytes'): number =>
      counters.reduce(
        (all, one) => all + (names.includes(one.name) && (feed === '*' || one.feed === feed) ? one[what] : 0),
        0,
      );
    const before = this.#before;
    if (before === undefined) return { files: 0, bytes: 0 };
    const rate = (what: 'files' | 'bytes') =>
      Math.max(0, Math.round((10 * (sum(this.#now, what) - sum(before, what))) / this.#seconds) / 10);
    return { files: rate('files'), bytes: rate('bytes') };
  }
}
