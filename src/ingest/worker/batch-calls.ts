/**
 * Carries out the orders of a batch, in a thread of this process.
 * Guarantees: an order has answers even if its thread fails: it is then carried out again in the main thread.
 */
import { type Act, type Answer, HANGS_IN, type Order } from '../calls/order.js';
import { Running } from '../calls/run.js';
import type { CallThreads } from '../calls/threads.js';
import type { FeedFiles } from '../files/feed-files.js';
import { SLICE_MS } from '../stages/each-job.js';
import type { Batch, Calls, IngestJob } from '../stages/stage.js';

export interface Threads {
  all: CallThreads;
  /** Called with an error of a thread itself. */
  failed(error: unknown): void;
}

export class BatchCalls implements Calls {
  /** `files`: the roots that the batch has open. Without `threads`, all files are handled in the main thread. */
  constructor(
    private readonly files: FeedFiles,
    private readonly worksOn: Batch['worksOn'],
    private readonly isDraining: () => boolean = () => false,
    private readonly threads?: Threads,
  ) {}

  async run<A extends Act>(order: Order<A>, jobs?: readonly IngestJob[]): Promise<Answer<A>[]> {
    if (order.files.length === 0) return [];
    try {
      const ids = jobs?.map(({ id }) => id);
      if (this.threads) return await this.threads.all.run(order, ids);
    } catch (error) {
      // The thread could not be started, or it ended. Work that it has done is found below, as after a crash.
      this.threads!.failed(error);
    }
    return this.#here(order, jobs);
  }

  async #here<A extends Act>(order: Order<A>, jobs: readonly IngestJob[] | undefined): Promise<Answer<A>[]> {
    const running = new Running(order, { files: this.files });
    for (let sliceEnd = performance.now() + SLICE_MS; !running.isDone; ) {
      const file = running.answers.length;
      if (file > 0 && performance.now() > sliceEnd) {
        await new Promise(setImmediate);
        sliceEnd = performance.now() + SLICE_MS;
      }
      if (file > 0 && this.isDraining()) running.stop();
      this.worksOn(jobs?.[file], HANGS_IN[order.act]);
      await running.next();
    }
    this.worksOn(undefined);
    return running.answers;
  }
}
