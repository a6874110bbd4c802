/**
 * Hands marks on, and keeps them when that fails.
 * Guarantees: failing is told once, and its end once.
 */
import type { EngineOptions, Hint, OpenRoot, QueuedPath, ScanStep } from '../backend/types.js';

export class HandOver {
  #failing = false;

  constructor(
    private readonly options: Pick<EngineOptions<Hint>, 'deliver' | 'emit'>,
    private readonly keep: (mark: QueuedPath<Hint>) => void,
  ) {}

  /** False: it failed and the marks are kept. */
  async run(marks: readonly QueuedPath<Hint>[], root: OpenRoot, step?: ScanStep): Promise<boolean> {
    if (marks.length === 0 && step === undefined) return true;
    try {
      await this.options.deliver(marks, root, step);
    } catch (error) {
      for (const mark of marks) this.keep(mark);
      if (!this.#failing) this.options.emit({ event: 'delivery_failing', error });
      this.#failing = true;
      return false;
    }
    if (this.#failing) this.options.emit({ event: 'delivery_back' });
    this.#failing = false;
    return true;
  }
}
