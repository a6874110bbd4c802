/**
 * Runs the handler of a stage through better-queue: one batch at a time, claimed by the store, settled before the
 * callback.
 * Guarantees: a job that becomes due in this process is claimed within about a millisecond. Nothing is polled while
 * nothing is due or every gate is closed. drain() finishes the jobs in progress and claims no more. Never use
 * `concurrent: 2`: the core counts it wrongly. Two handlers need two processes.
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
  /** The most bytes of a batch, for stages that read or copy them. One job is always taken, whatever its size. */
  batchBytesMax?: number;
  /**
   * Jobs that advance to it are written as ready, and claimed like all others. It takes a batch when no other stage of this process has
   * work, or when it has waited for `limits.slowTurnMs`.
   */
  isSlow?: boolean;
  run: Run;
  /**
   * The dispatchers of this process, including later ones: jobs that advance to one of their stages are handed over.
   */
  peers?: readonly Dispatcher[];
  /** Failures that do not belong to a job: a handler that throws, a state that cannot be written. */
  onError(error: unknown): void;
}

export const createDispatcher = (options: DispatcherOptions): Dispatcher => new Dispatcher(options);

/** A property of better-queue that its types omit. */
type Core = BetterQueue & { length: number };

export class Dispatcher {
  /** The better-queue core that runs the batches. */
  readonly queue: Core;
  readonly #store: QueueStore;
  #state: 'new' | 'running' | 'draining' | 'stopped' = 'new';
  /** True from a kick until its take has returned. */
  #checking = false;
  #batch: readonly ClaimedJob[] = [];
  /** Takes in a row that got nothing although a job was due: other processes were quicker. */
  #emptyTakes = 0;
  #notBeforeMs = 0;
  #tookMs: number;
  #takesMax: number = limits.firstBatchMax;
  #timer: NodeJS.Timeout | undefined;
  #unlisten: () => void = () => {};
  #idleWaiters: (() => void)[] = [];

  constructor(readonly options: DispatcherOptions) {
    const { backend, stage, batchMax, batchBytesMax } = options;
    const events = {
      takesMax: () => (this.#mayTake(backend.nowMs()) ? this.#takesMax : 0),
      took: (jobs: readonly ClaimedJob[]) => this.#took(jobs),
      released: () => this.#released(),
      failed: (error: unknown) => this.#failed(error),
    };
    this.#tookMs = backend.nowMs();
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

  /** The jobs in progress now. */
  get batch(): readonly ClaimedJob[] {
    return this.#batch;
  }

  start(): void {
    if (this.#state !== 'new') return;
    this.#state = 'running';
    this.#unlisten = this.options.backend.onWork(() => this.#next() === this && this.#kick());
    this.#kick();
  }

  /** Resolves when a take has found nothing due and no job is in progress. */
  idle(): Promise<void> {
    return this.#isIdle() ? Promise.resolve() : new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Claims no more; resolves when the jobs in progress are settled. */
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

  /** At each commit, one dispatcher of a stage claims; if it got something, the next one does too. */
  #next(): Dispatcher {
    const isIdle = (one: Dispatcher): boolean => one.#state === 'running' && one.#batch.length === 0;
    return this.options.peers?.find((one) => one.stage === this.stage && isIdle(one)) ?? this;
  }

  /** Makes the core call the store. The length only has to be above 0. */
  #kick(): void {
    if (this.#state !== 'running') return;
    // After a batch the core takes again by itself; after an empty take the timer does.
    if (this.#checking || this.#batch.length > 0) return;
    clearTimeout(this.#timer);
    this.#checking = true;
    this.queue.length = this.options.batchMax;
    this.queue.resume();
  }

  #mayTake(nowMs: number): boolean {
    if (this.#state !== 'running' || nowMs < this.#notBeforeMs) return false;
    const { isSlow, peers = [] } = this.options;
    const isBusy = (one: Dispatcher): boolean => !one.options.isSlow && one.load > 0;
    return !isSlow || nowMs - this.#tookMs >= limits.slowTurnMs || !peers.some(isBusy);
  }

  #took(jobs: readonly ClaimedJob[]): void {
    this.#checking = false;
    this.#batch = jobs;
    if (jobs.length > 0) {
      this.#tookMs = this.options.backend.nowMs();
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
      // The core continues by itself while it believes that there is more.
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
        backend,
        store: this.#store,
        run,
        onError,
        stagesWithRoom: () => new Set(peers.filter((peer) => peer.#hasRoom()).map(({ stage }) => stage)),
        passOn: async (handed) => {
          for (const stage of new Set(handed.map((job) => job.stage)))
            await leastBusy(peers, stage).#takeOver(handed.filter((job) => job.stage === stage));
        },
        mayWait: () => this.#state === 'running',
      },
      jobs,
    );
    if (!goesOn) this.#pauseTakes();
  }

  /** Jobs handed over wait in memory, so there are never more of them than two batches. */
  #hasRoom(): boolean {
    const { batchMax, batchBytesMax = Number.POSITIVE_INFINITY, isSlow } = this.options;
    if (isSlow) return false;
    return this.#state === 'running' && this.#store.handed < batchMax && this.#store.handedBytes < batchBytesMax;
  }

  /** A stage that drains gets the jobs too late, and gives them back. */
  async #takeOver(jobs: readonly ClaimedJob[]): Promise<void> {
    if (jobs.length === 0) return;
    this.#store.add(jobs);
    if (this.#state === 'running') this.#kick();
    else await this.#store.giveBackHanded();
  }

  /** Jobs in progress here, or waiting for this dispatcher. */
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

  /**
   * Sets the timer for the next take: when the next job is due, later after a failure, and rarely if other processes
   * are always quicker.
   */
  #armTimer(): void {
    clearTimeout(this.#timer);
    if (this.#state !== 'running') return;
    const { backend, stage } = this.options;
    const nowMs = backend.nowMs();
    const hasOwn = this.#store.handed > 0 || this.#store.owes;
    const nextMs = hasOwn ? nowMs : this.#nextDueMs(backend, stage, nowMs);
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
