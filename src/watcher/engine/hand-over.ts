/**
 * Hands marks on, and keeps them when that fails.
 * Guarantees: failing is told once, and its end once.
 */
import type { EngineOptions, Hint, Mark, OpenRoot, ScanStep } from '../ground/types.js';

export class HandOver {
  #failing = false;

  constructor(
    private readonly options: Pick<EngineOptions<Hint>, 'deliver' | 'tell'>,
    private readonly keep: (mark: Mark<Hint>) => void,
  ) {}

  /** False: it failed and the marks are kept. */
  async run(marks: readonly Mark<Hint>[], root: OpenRoot, step?: ScanStep): Promise<boolean> {
    if (marks.length === 0 && step === undefined) return true;
    try {
      await this.options.deliver(marks, root, step);
    } catch (error) {
      for (const mark of marks) this.keep(mark);
      if (!this.#failing) this.options.tell({ event: 'delivery_failing', error });
      this.#failing = true;
      return false;
    }
    if (this.#failing) this.options.tell({ event: 'delivery_back' });
    this.#failing = false;
    return true;
  }
}
