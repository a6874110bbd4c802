/**
 * Delivers queued paths, and keeps them if the delivery fails.
 * Guarantees: a failure is emitted once when it starts and once when it ends. A failed step of a scan has ended when a
 * scan was delivered to its end: until then, a delivery without the failing step proves nothing.
 */
import type { EngineOptions, Hint, OpenRoot, QueuedPath, ScanStep } from '../backend/types.js';

export class Delivery {
  #failing: 'paths' | 'scan' | undefined;

  constructor(
    private readonly options: Pick<EngineOptions<Hint>, 'deliver' | 'emit'>,
    private readonly requeue: (mark: QueuedPath<Hint>) => void,
  ) {}

  /** False: it failed, and the paths were kept. */
  async run(marks: readonly QueuedPath<Hint>[], root: OpenRoot, step?: ScanStep): Promise<boolean> {
    if (marks.length === 0 && step === undefined) return true;
    try {
      await this.options.deliver(marks, root, step);
    } catch (error) {
      for (const mark of marks) this.requeue(mark);
      if (this.#failing === undefined) this.options.emit({ event: 'delivery_failing', error });
      if (this.#failing !== 'scan') this.#failing = step === undefined ? 'paths' : 'scan';
      return false;
    }
    if (this.#failing === undefined || (this.#failing === 'scan' && step?.done !== true)) return true;
    this.options.emit({ event: 'delivery_back' });
    this.#failing = undefined;
    return true;
  }
}
