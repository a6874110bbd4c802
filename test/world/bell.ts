/**
 * Waits for events: the condition is checked again at each ring, never by the clock. A deadline ends a wait that would
 * be in vain.
 */
import { DEADLINE_MS } from './waiting.js';

export class Bell {
  readonly #listeners = new Set<() => void>();

  /** `soFar`: describes what was seen instead, for a wait that failed. */
  constructor(private readonly soFar: () => string) {}

  ring(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`waited in vain for ${what}; ${this.soFar().slice(0, 2_000)}`)),
        DEADLINE_MS,
      );
      const listener = () => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#listeners.delete(listener);
        resolve();
      };
      this.#listeners.add(listener);
    });
  }
}
