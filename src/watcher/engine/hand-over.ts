/**
 * Delivers queued paths, and keeps them if the delivery fails.
 * Guarantees: a failure is emitted once when it starts and once when it ends.
 */
import type { EngineOptions, Hint, OpenRoot, QueuedPath, ScanStep } from '../backend/types.js';

export class HandOver {
  #failing = false;

  constructor(
    private readonly options: Pick<EngineOptions<Hint>, 'deliver' | 'emit'>,
    private readonly keep: (mark: QueuedPath<Hint>) => void,
  ) {}

  /** False: it failed, and the paths were kept. */
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
