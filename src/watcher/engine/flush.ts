/**
 * Callers that wait until everything that happened before is delivered.
 * Guarantees: where events are complete, everything that the kernel has queued is read before a caller is answered.
 * Where they are not, a caller waits for a scan of the whole tree that started after its call.
 */

import type { Watches } from '../backend/watches.js';
import type { PathQueue } from './path-queue.js';
import type { Schedule } from './schedule.js';

export class FlushWaiters {
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly watches: Watches,
    private readonly marks: PathQueue,
    private readonly schedule: Schedule,
    private readonly scan: () => Promise<void>,
  ) {}

  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** To be called when nothing is left to deliver. True: now there is something to deliver, or a scan was requested. */
  goesOn(): boolean {
    if (this.#waiting.length === 0) return false;
    if (!this.watches.complete) {
      const waiting = this.#waiting.splice(0);
      void this.scan().then(() => answer(waiting));
      return true;
    }
    this.watches.drain();
    if (this.marks.size > 0 || this.schedule.nextAtMs <= 0) return true;
    this.end();
    return false;
  }

  /** Nothing is left to wait for. */
  end(): void {
    answer(this.#waiting.splice(0));
  }
}

function answer(waiting: readonly (() => void)[]): void {
  for (const resolve of waiting) resolve();
}
