/**
 * Runs a bounded number of tasks at a time; the next one waits for a free lane.
 */
export class Lanes {
  readonly #running = new Set<Promise<void>>();
  #failed: { error: unknown } | undefined;

  constructor(private readonly max: number) {}

  /** Resolves when `work` has started. `idle` throws its errors. */
  async add(work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.max) await Promise.race(this.#running);
    const running: Promise<void> = work()
      .catch((error: unknown) => {
        this.#failed ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when all tasks have ended. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    const failed = this.#failed;
    this.#failed = undefined;
    if (failed) throw failed.error;
  }
}
