/**
 * Waits for events: the condition is checked again at each ring, never by the clock. A deadline ends a wait that would
 * be in vain.
 */
export class Bell {
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly patienceMs: number,
    /** Describes what was seen instead, for a wait that failed. */
    private readonly soFar: () => string,
  ) {}

  ring(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`waited in vain for ${what}; ${this.soFar().slice(0, 2_000)}`)),
        this.patienceMs,
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
