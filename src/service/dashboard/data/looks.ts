/**
 * One look at the state for everybody who asks within a second: a hundred pages cost the database what one does.
 * Guarantees: each read is a short transaction of its own, over before anything is sent; nobody looks while nobody asks.
 */
import type { QueueView } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { ProcessWatch } from '../../../ingest/health/processes.js';
import { FreeSpace } from '../../figures/free-space.js';
import { type HeldJob, toHeldJob } from '../../status/held-list.js';
import { lookAt, type Report } from '../../status/report.js';
import { type Retrying, retrying } from '../held/errors.js';
import { limits } from './limits.js';
import { inFlight, lastEnded, type TracedJob } from './trace.js';

/** What the page shows. */
export interface Look extends Report {
  at: string;
  feeds: { name: string; input: string; warehouse: string; manifests: string; mode: string }[];
  /** What is in hand and the largest of what is claimed, and what ended last. */
  in_flight: TracedJob[];
  last: TracedJob[];
  /** What failed and is tried again by itself. */
  retrying: Retrying[];
  /** The first of them; the rest page by page from /errors. */
  held: HeldJob[];
}

export class Looks {
  /** For tests and metrics: how often the database was asked. */
  count = 0;
  #last: { atMs: number; look: Look; json: string } | undefined;
  #askedMs = Number.NEGATIVE_INFINITY;
  readonly #watch = new ProcessWatch();

  constructor(
    private readonly view: QueueView,
    private readonly statePath: string,
    private readonly now: () => number = () => performance.now(),
    private readonly space = new FreeSpace(view, statePath),
  ) {}

  /** For who wants an answer now: at most `staleLooks` looks old. A new one is made soon (`refresh`). */
  latest(): { look: Look; json: string } {
    const atMs = this.now();
    this.#askedMs = atMs;
    if (this.#last !== undefined && atMs - this.#last.atMs < limits.staleLooks * limits.lookEveryMs) return this.#last;
    return this.take();
  }

  /** Once a second, also while nobody asks: a process that falls silent is known to be so when somebody does. */
  watch(): void {
    this.#watch.check(this.view);
  }

  /** Once a second: looks again where somebody asked lately, so that nobody who asks waits for a look. */
  refresh(): void {
    if (this.now() - this.#askedMs < limits.askedForMs) this.take();
  }

  /** At most `lookEveryMs` old. */
  take(): { look: Look; json: string } {
    const atMs = this.now();
    // A timer is early by a millisecond now and then.
    if (this.#last !== undefined && atMs - this.#last.atMs < limits.lookEveryMs - 50) return this.#last;
    this.count++;
    const look = this.#look();
    this.#last = { atMs, look, json: JSON.stringify(look) };
    return this.#last;
  }

  /** After a change: who made it wants to see it. */
  forget(): void {
    this.#last = undefined;
  }

  #look(): Look {
    const { view, statePath, space } = this;
    // Its answers are those of the next snapshot.
    space.ask(limits.freeSpaceEveryMs).catch(() => {});
    return {
      at: new Date().toISOString(),
      ...lookAt(view, statePath, { watch: this.#watch, places: space.places }),
      feeds: view.feeds().map(({ name, options }) => {
        const { input, warehouse, manifests, mode } = options as unknown as FeedOptions;
        return { name, input, warehouse, manifests, mode };
      }),
      in_flight: inFlight(view, limits.traceDefault),
      last: lastEnded(view, limits.traceDefault),
      retrying: retrying(view),
      held: view.held({ limit: limits.heldDefault }).map(toHeldJob),
    };
  }
}
