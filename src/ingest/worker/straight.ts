/**
 * The straight way of a batch through two stages in one claim, in a process that runs both: what the first one says of a job
 * is settled together with what the second one says. Whatever does not go straight on is settled as ever.
 */
import type { Backend, Settlement, StageName } from '../../../queue/backend.js';
import { type QuickAnswer, type QuickOrder, runQuick } from '../files/quick.js';
import type { QuickThread } from '../files/quick-thread.js';
import type { IngestJob } from '../stages/job.js';
import type { Step, Straight } from '../stages/stage.js';

/** Fewer are done before the other thread has woken up. */
const BESIDE_FROM = 32;

export interface Beside {
  thread: QuickThread;
  /** Writes what this thread has in hand again: the other one has written there. */
  sayAgain(): void;
  /** Told of an error of the thread itself. */
  failed(error: unknown): void;
}

export class StraightWay implements Straight {
  readonly #closed: ReadonlySet<StageName>;

  /**
   * `stages`: those that this process runs. Gates are asked now: what is closed later waits for the next batch. `beside`: a
   * thread for many files at once; without it they are handled in this one.
   */
  constructor(
    backend: Backend,
    feed: string,
    readonly stages: ReadonlySet<StageName>,
    readonly hand: (job: IngestJob | undefined) => void,
    readonly beside?: Beside,
  ) {
    const gates = backend.gates().filter((gate) => gate.feed === feed || gate.feed === '*');
    this.#closed = new Set(gates.map(({ stage }) => stage));
  }

  mayRun(stage: StageName): boolean {
    return this.stages.has(stage) && !this.#closed.has(stage) && !this.#closed.has('*');
  }

  async quick<O extends QuickOrder>(order: O, jobs?: readonly IngestJob[]): Promise<QuickAnswer<O>[]> {
    if (this.beside && order.files.length >= BESIDE_FROM) {
      const ids = jobs?.map(({ id }) => id);
      try {
        return await this.beside.thread.run(order, ids);
      } catch (error) {
        // It could not be started, or it ended: what it has done already has no answer below, as everything unusual.
        this.beside.failed(error);
      } finally {
        this.beside.sayAgain();
      }
    }
    return runQuick(order, (file) => {
      if (jobs) this.hand(jobs[file]);
    });
  }
}

export const settlementOf = (job: Settlement['job'], { outcome, passed }: Step): Settlement => ({
  job,
  outcome,
  ...(passed && { passed: [passed.outcome] }),
});
