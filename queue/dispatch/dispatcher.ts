/**
 * Drives a stage's handler through better-queue: one batch at a time, claimed by the store, settled before the callback.
 * Guarantees: a job that becomes due here is looked at within about a millisecond; nothing is polled while nothing is due or
 * every gate is closed; drain() finishes what is in hand and claims nothing more.
 * Never `concurrent: 2`: the core counts it wrongly. Two handlers are two processes.
 */
import { setTimeout as delay } from 'node:timers/promises';
import BetterQueue from 'better-queue';
import type { Backend, ClaimedJob, Decision, SettleAnswer, Settlement, StageName } from '../backend.js';
import { QueueError, StateUnwritable } from '../errors.js';
import { limits } from '../limits.js';
import { QueueStore } from './store.js';

/** Settles some of the batch early; waits while the state cannot be written. */
export type Settle = (settlements: readonly Settlement[]) => Promise<SettleAnswer[]>;
/** Answers a decision per job, undefined for those that it settled itself. A throw is a `retry` of what is left. */
export type Run = (jobs: ClaimedJob[], settle: Settle) => Promise<readonly (Decision | undefined)[] | undefined>;

export interface DispatcherOptions {
  backend: Backend;
  stage: StageName;
  batchMax: number;
  run: Run;
  /** Failures that are no job's own: a handler's throw, a state that cannot be written. */
  onError(error: unknown): void;
}

export const createDispatcher = (options: DispatcherOptions): Dispatcher => new Dispatcher(options);

/** What better-queue has and its types do not tell. */
type Core = BetterQueue & { length: number };

export class Dispatcher {
  /** The core that runs the batches. */
  readonly queue: Core;
  readonly #store: QueueStore;
  #state: 'new' | 'running' | 'draining' | 'stopped' = 'new';
  /** From a kick until its take has answered. */
  #looking = false;
  #batch: readonly ClaimedJob[] = [];
  /** Work was told of while a take was under way, which may have looked too early. */
  #again = false;
  #emptyTakes = 0;
  #notBeforeMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #unlisten: () => void = () => {};
  #quiet: (() => void)[] = [];

  constructor(readonly options: DispatcherOptions) {
    const { backend, stage, batchMax } = options;
    this.#store = new QueueStore(backend, stage, {
      mayTake: () => this.#state === 'running' && backend.nowMs() >= this.#notBeforeMs,
      took: (jobs) => this.#took(jobs),
      released: () => this.#released(),
      failed: (error) => this.#failed(error),
    });
    this.queue = new BetterQueue(
      (tasks: ClaimedJob | ClaimedJob[], done) => void this.#process([tasks].flat()).finally(() => done(null)),
      {
        store: this.#store as unknown as BetterQueue.Store<ClaimedJob>,
        batchSize: batchMax,
        concurrent: 1,
        maxRetries: 1,
        autoResume: false,
      },
    ) as Core;
    this.queue.on('batch_failed', (error: unknown) => this.#failed(error));
  }

  get stage(): StageName {
    return this.options.stage;
  }

  /** The jobs in hand just now. */
  get batch(): readonly ClaimedJob[] {
    return this.#batch;
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'running';
    this.#unlisten = this.options.backend.onWork(() => this.#kick());
    this.#kick();
  }

  /** Resolves when a look has found nothing due and nothing is in hand. */
  idle(): Promise<void> {
    return this.#isQuiet() ? Promise.resolve() : new Promise((resolve) => this.#quiet.push(resolve));
  }

  /** Claims nothing more; resolves when what is in hand is settled. */
  async drain(): Promise<void> {
    if (this.#state === 'running' || this.#state === 'new') this.#state = 'draining';
    this.#unlisten();
    clearTimeout(this.#timer);
    await this.idle();
  }

  /** Safe to call twice. */
  async stop(): Promise<void> {
    await this.drain();
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    await new Promise<void>((resolve) => this.queue.destroy(resolve));
  }

  /** Makes the core ask the store. Its length is a wish only: any number would do. */
  #kick(): void {
    if (this.#state !== 'running') return;
    if (this.#looking || this.#batch.length > 0) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#looking = true;
    this.queue.length = this.options.batchMax;
    this.queue.resume();
  }

  #took(jobs: readonly ClaimedJob[]): void {
    this.#looking = false;
    this.#batch = jobs;
    if (jobs.length > 0) {
      this.#emptyTakes = 0;
      return;
    }
    if (this.#again && this.#state === 'running') {
      this.#again = false;
      // The core is still inside its take: let it end first.
      setImmediate(() => this.#kick());
      return;
    }
    this.#emptyTakes++;
    this.#armTimer();
    this.#tellQuiet();
  }

  #released(): void {
    this.#batch = [];
    this.#again = false;
    if (this.#state === 'running') {
      // The core goes on by itself while it believes that there is more.
      this.#looking = true;
      this.queue.length = this.options.batchMax;
    } else {
      this.queue.length = 0;
      this.#tellQuiet();
    }
  }

  async #process(jobs: ClaimedJob[]): Promise<void> {
    const { run } = this.options;
    const settle: Settle = (settlements) => this.#settle(settlements);
    try {
      const decisions = (await run(jobs, settle)) ?? [];
      const settlements = jobs.flatMap((job, i) =>
        decisions[i] === undefined ? [] : [{ job, outcome: decisions[i] }],
      );
      if (settlements.length > 0) await settle(settlements);
      // Given back and claimed again at once, these would turn in a circle.
      if (this.#store.unsettledOf(jobs).length === jobs.length) this.#pauseTakes();
    } catch (error) {
      this.#failed(error);
      await this.#settleFailed(jobs, error).catch((again) => this.#failed(again));
    }
  }

  /** A handler's throw is its jobs' failure; a state that cannot be used is nobody's: these jobs are given back. */
  async #settleFailed(jobs: ClaimedJob[], error: unknown): Promise<void> {
    if (error instanceof QueueError) return;
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const left = this.#store.unsettledOf(jobs);
    await this.#settle(left.map((job) => ({ job, outcome: { kind: 'retry', code: 'bug', error: text } })));
  }

  async #settle(settlements: readonly Settlement[]): Promise<SettleAnswer[]> {
    for (
      let waitMs: number = limits.unwritableRetryMs[0];
      ;
      waitMs = Math.min(waitMs * 2, limits.unwritableRetryMs[1])
    ) {
      try {
        const answers = await this.options.backend.settle(settlements);
        this.#store.settled(settlements.map(({ job }) => job));
        return answers;
      } catch (error) {
        if (!(error instanceof StateUnwritable) || this.#state !== 'running') throw error;
        this.options.onError(error);
        await delay(waitMs);
      }
    }
  }

  #failed(error: unknown): void {
    this.#pauseTakes();
    this.options.onError(error);
  }

  #pauseTakes(): void {
    this.#notBeforeMs = this.options.backend.nowMs() + limits.failedTakeRetryMs;
  }

  /** The next look: when the next job is due, later where the last look failed, seldom where others are always quicker. */
  #armTimer(): void {
    clearTimeout(this.#timer);
    if (this.#state !== 'running') return;
    const { backend, stage } = this.options;
    const nowMs = backend.nowMs();
    const dueMs = Math.max(this.#nextDueMs(backend, stage, nowMs), this.#notBeforeMs > nowMs ? this.#notBeforeMs : 0);
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const leastMs = Math.min(2 ** Math.min(this.#emptyTakes, 8), limits.rescueEveryMs);
    this.#timer = setTimeout(() => this.#kick(), Math.min(Math.max(dueMs - nowMs, leastMs), limits.longestTimerMs));
  }

  #nextDueMs(backend: Backend, stage: StageName, nowMs: number): number {
    try {
      return backend.nextDueMs(stage);
    } catch (error) {
      this.options.onError(error);
      return nowMs + limits.failedTakeRetryMs;
    }
  }

  #isQuiet(): boolean {
    return !this.#looking && this.#batch.length === 0;
  }

  #tellQuiet(): void {
    if (this.#isQuiet()) for (const resolve of this.#quiet.splice(0)) resolve();
  }
}
