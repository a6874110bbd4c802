/**
 * Dispatchers on their own state, stopped at the end of each test.
 */
import type { Backend, Outcome } from '../../../queue/backend.js';
import type { Run } from '../../../queue/dispatch/batch.js';
import { createDispatcher, type Dispatcher } from '../../../queue/dispatch/dispatcher.js';
import { sqlite } from '../sqlite/kind.js';
import { type QueueWorld, scenario } from '../world.js';

export const STORED: Outcome = { kind: 'finish', ending: 'stored' };

export interface Driven {
  queue: Backend;
  errors: unknown[];
  /** Every dispatcher of this test is stopped at its end. */
  drive(stage: string, run: Run, batchMax?: number, peers?: Dispatcher[], isSlow?: boolean): Dispatcher;
}

export function driven(title: string, run: (driven: Driven, world: QueueWorld) => Promise<void>): void {
  scenario(sqlite, title, async (world) => {
    const queue = await world.open();
    const errors: unknown[] = [];
    const made: Dispatcher[] = [];
    const drive = (stage: string, handler: Run, batchMax = 100, peers: Dispatcher[] = [], isSlow = false) => {
      const dispatcher = createDispatcher({
        backend: queue,
        stage,
        batchMax,
        peers,
        isSlow,
        run: handler,
        onError: (error) => errors.push(error),
      });
      made.push(dispatcher);
      return dispatcher;
    };
    try {
      await run({ queue, errors, drive }, world);
    } finally {
      await Promise.all(made.map((dispatcher) => dispatcher.stop()));
    }
  });
}

export const all =
  (outcome: Outcome): Run =>
  async (jobs) =>
    jobs.map(() => outcome);
export const ended = (queue: Backend) => queue.counters().find(({ name }) => name === 'finish')?.files ?? 0;
