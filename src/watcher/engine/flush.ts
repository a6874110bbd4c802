/**
 * Who waits until all that had happened before is handed on.
 * Guarantees: where events are complete, what the kernel has queued is taken in before anybody is answered; where they
 * are not, a scan of the whole tree that began after the question is.
 */

import type { Watches } from '../backend/watches.js';
import type { PathQueue } from './path-queue.js';
import type { Schedule } from './schedule.js';

export class FlushWaiters {
  #waiting: (() => void)[] = [];

  constructor(
    private readonly watches: Watches,
    private readonly marks: PathQueue,
    private readonly schedule: Schedule,
    private readonly scan: () => Promise<void>,
  ) {}

  wait(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** To be called when nothing is left to hand on. True: now there is something, or a scan was asked for. */
  goesOn(): boolean {
    if (this.#waiting.length === 0) return false;
    if (!this.watches.complete) {
      const waiting = this.#take();
      void this.scan().then(() => answer(waiting));
      return true;
    }
    this.watches.drain();
    if (this.marks.size > 0 || this.schedule.nextAtMs <= 0) return true;
    this.end();
    return false;
  }

  /** There is nothing to wait for. */
  end(): void {
    answer(this.#take());
  }

  #take(): (() => void)[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }
}

function answer(waiting: readonly (() => void)[]): void {
  for (const resolve of waiting) resolve();
}
