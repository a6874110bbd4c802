/**
 * Drives a stage's handler through better-queue: one batch at a time, claimed by the store, settled before the callback.
 * Guarantees: a job that becomes due here is looked at within about a millisecond; nothing is polled while nothing is due or
 * every gate is closed; drain() finishes what is in hand and claims nothing more.
 * Never `concurrent: 2`: the core counts it wrongly. Two handlers are two processes.
 */
import BetterQueue from 'better-queue';
import type { Backend, ClaimedJob, StageName } from '../backend.js';
import { limits } from '../limits.js';
import { type Run, runBatch } from './batch.js';
import { QueueStore } from './store.js';

export interface DispatcherOptions {
  backend: Backend;
  stage: StageName;
  batchMax: number;
  /** The bytes of a batch's jobs together, where a stage reads or copies them. One job is taken whatever its size. */
  batchBytesMax?: number;
  run: Run;
  /** The dispatchers of this process, also later ones: jobs that advance to one of their stages are handed over. */
  peers?: readonly Dispatcher[];
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
  #checking = false;
  #batch: readonly ClaimedJob[] = [];
  /** Takes in a row that got nothing although something was due: others were quicker. */
  #emptyTakes = 0;
  #notBeforeMs = 0;
  #takesMax: number = limits.firstBatchMax;
  #timer: NodeJS.Timeout | undefined;
  #unlisten: () => void = () => {};
  #idleWaiters: (() => void)[] = [];

  constructor(readonly options: DispatcherOptions) {
    const { backend, stage, batchMax, batchBytesMax } = options;
    const events = {
      takesMax: () => (this.#state === 'running' && backend.nowMs() >= this.#notBeforeMs ? this.#takesMax : 0),
      took: (jobs: readonly ClaimedJob[]) => this.#took(jobs),
      released: () => this.#released(),
      failed: (error: unknown) => this.#failed(error),
    };
    this.#store = new QueueStore(backend, stage, events, batchBytesMax, true);
    this.queue = new BetterQueue(
      (tasks: ClaimedJob[][], done) => void this.#process(tasks.flat()).finally(() => done(null)),
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
    this.#unlisten = this.options.backend.onWork(() => this.#next() === this && this.#kick());
    this.#kick();
  }

  /** Resolves when a look has found nothing due and nothing is in hand. */
  idle(): Promise<void> {
    return this.#isIdle() ? Promise.resolve() : new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Claims nothing more; resolves when what is in hand is settled. */
  async drain(): Promise<void> {
    if (this.#state === 'running' || this.#state === 'new') this.#state = 'draining';
    this.#unlisten();
    clearTimeout(this.#timer);
    await this.idle();
    await this.#store.giveBackHanded().catch(this.options.onError);
  }

  async stop(): Promise<void> {
    await this.drain();
    if (this.#state === 'stopped') return;
    this.#state = 'stopped';
    await new Promise<void>((resolve) => this.queue.destroy(resolve));
  }

  /** Of the dispatchers of a stage one asks at each commit; when it has taken something, so does the next. */
  #next(): Dispatcher {
    const isIdle = (one: Dispatcher): boolean => one.#state === 'running' && one.#batch.length === 0;
    return this.options.peers?.find((one) => one.stage === this.stage && isIdle(one)) ?? this;
  }

  /** Makes the core ask the store. Its length is a wish only: any number would do. */
  #kick(): void {
    if (this.#state !== 'running') return;
    // After a batch the core looks again by itself, and after an empty look the timer asks what is due by then.
    if (this.#checking || this.#batch.length > 0) return;
    clearTimeout(this.#timer);
    this.#checking = true;
    this.queue.length = this.options.batchMax;
    this.queue.resume();
  }

  #took(jobs: readonly ClaimedJob[]): void {
    this.#checking = false;
    this.#batch = jobs;
    if (jobs.length > 0) {
      this.#emptyTakes = 0;
      this.#takesMax = Math.min(2 * this.#takesMax, this.options.batchMax);
      this.#next().#kick();
      return;
    }
    this.#armTimer();
    this.#resolveIdle();
  }

  #released(): void {
    this.#batch = [];
    if (this.#state === 'running') {
      // The core goes on by itself while it believes that there is more.
      this.#checking = true;
      this.queue.length = this.options.batchMax;
    } else {
      this.queue.length = 0;
      this.#resolveIdle();
    }
  }

  async #process(jobs: ClaimedJob[]): Promise<void> {
    const { backend, run, onError, peers = [] } = this.options;
    const goesOn = await runBatch(
      {
        ...{ backend, store: this.#store, run, onError },
        keep: () => new Set(peers.filter((peer) => peer.#hasRoom()).map(({ stage }) => stage)),
        handOver: async (handed) => {
          for (const stage of new Set(handed.map((job) => job.stage)))
            await leastBusy(peers, stage).#takeOver(handed.filter((job) => job.stage === stage));
        },
        mayWait: () => this.#state === 'running',
      },
      jobs,
    );
    if (!goesOn) this.#pauseTakes();
  }

  /** What is handed over waits in memory, so there is never more of it than two batches. */
  #hasRoom(): boolean {
    const { batchMax, batchBytesMax = Number.POSITIVE_INFINITY } = this.options;
    return this.#state === 'running' && this.#store.handed < batchMax && this.#store.handedBytes < batchBytesMax;
  }

  /** Too late for a stage that drains: its jobs are given back. */
  async #takeOver(jobs: readonly ClaimedJob[]): Promise<void> {
    if (jobs.length === 0) return;
    this.#store.hand(jobs);
    if (this.#state === 'running') this.#kick();
    else await this.#store.giveBackHanded();
  }

  /** Jobs that are in its hands or wait for it. */
  get load(): number {
    return this.#store.handed + this.#batch.length;
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
    const nextMs = this.#store.handed > 0 ? nowMs : this.#nextDueMs(backend, stage, nowMs);
    const dueMs = Math.max(nextMs, this.#notBeforeMs > nowMs ? this.#notBeforeMs : 0);
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#emptyTakes = dueMs <= nowMs ? this.#emptyTakes + 1 : 0;
    const inMs = dueMs <= nowMs ? Math.min(2 ** Math.min(this.#emptyTakes, 8), limits.rescueEveryMs) : dueMs - nowMs;
    this.#timer = setTimeout(() => this.#kick(), Math.min(inMs, limits.longestTimerMs));
  }

  #nextDueMs(backend: Backend, stage: StageName, nowMs: number): number {
    try {
      return backend.nextDueMs(stage);
    } catch (error) {
      this.options.onError(error);
      return nowMs + limits.failedTakeRetryMs;
    }
  }

  #isIdle(): boolean {
    return !this.#checking && this.#batch.length === 0;
  }

  #resolveIdle(): void {
    if (this.#isIdle()) for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

/** The least busy dispatcher of the stage. */
const leastBusy = (dispatchers: readonly Dispatcher[], stage: StageName): Dispatcher =>
  dispatchers.filter((one) => one.stage === stage).reduce((least, one) => (one.load < least.load ? one : least));
