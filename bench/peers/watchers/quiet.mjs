/** When a watcher that cannot be asked has told everything: it has not told anything for a while. */
import { setTimeout as sleep } from 'node:timers/promises';

/** More than ten times what the slowest of them holds events back. */
const SILENCE_MS = 600;

export class Quiet {
  #lastMs = 0;

  heard() {
    this.#lastMs = performance.now();
  }

  async now() {
    this.#lastMs = performance.now();
    for (;;) {
      const leftMs = this.#lastMs + SILENCE_MS - performance.now();
      if (leftMs <= 0) return;
      await sleep(leftMs);
    }
  }
}
