/** Carries out the orders of a batch: many files in the process's other thread, few in this one. */
import type { Settlement } from '../../../queue/backend.js';
import { type Act, type Answer, HANGS_IN, type Order } from '../calls/order.js';
import { Running } from '../calls/run.js';
import type { FeedFiles } from '../files/feed-files.js';
import { SLICE_MS } from '../steps/each-job.js';
import type { IngestJob } from '../steps/job.js';
import type { Batch, Calls, Step } from '../steps/stage.js';
import type { CallThread } from '../threads/thread.js';

/** Fewer are done before the other thread has woken up. */
const BESIDE_FROM = 32;

export interface Beside {
  thread: CallThread;
  /** Writes what this thread has in hand again: the other one has written there. */
  sayAgain(): void;
  /** Told of an error of the thread itself. */
  failed(error: unknown): void;
}

export class BatchCalls implements Calls {
  /** `files`: the roots that the batch has open. Without `beside`, all files are handled in this thread. */
  constructor(
    private readonly files: FeedFiles,
    private readonly hand: Batch['hand'],
    private readonly isDraining: () => boolean = () => false,
    private readonly beside?: Beside,
  ) {}

  async run<A extends Act>(order: Order<A>, jobs?: readonly IngestJob[]): Promise<Answer<A>[]> {
    if (order.files.length === 0) return [];
    if (this.beside && order.files.length >= BESIDE_FROM) {
      const ids = jobs?.map(({ id }) => id);
      try {
        return await this.beside.thread.run(order, ids);
      } catch (error) {
        // It could not be started, or it ended: what it has done is found below, as after a crash.
        this.beside.failed(error);
      } finally {
        this.beside.sayAgain();
      }
    }
    return this.#here(order, jobs);
  }

  async #here<A extends Act>(order: Order<A>, jobs: readonly IngestJob[] | undefined): Promise<Answer<A>[]> {
    const running = new Running(order, this.files);
    for (let sliceEnd = performance.now() + SLICE_MS; !running.isDone; ) {
      const file = running.answers.length;
      if (file > 0 && performance.now() > sliceEnd) {
        await new Promise(setImmediate);
        sliceEnd = performance.now() + SLICE_MS;
      }
      if (file > 0 && this.isDraining()) running.stop();
      this.hand(jobs?.[file], HANGS_IN[order.act]);
      running.next();
    }
    this.hand(undefined);
    return running.answers;
  }
}

export const settlementOf = (job: Settlement['job'], { outcome, passed }: Step): Settlement => ({
  job,
  outcome,
  ...(passed && { passed: [passed.outcome] }),
});
