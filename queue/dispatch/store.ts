/**
 * A better-queue store on a durable queue that several processes share. Guarantees, each needed because the core fails
 * otherwise (all found by experiment):
 *  - getRunningTasks returns only the jobs that this object took; otherwise the core would start other processes' jobs;
 *  - a take returns a new token even if there is nothing or the claim failed (an error stalls the core forever), and
 *    the lock of an empty token is `{}`;
 *  - releaseLock frees only unsettled jobs: the handler settles its jobs before its callback.
 * Does not: retry (use maxRetries 1). push, delete and take-last complete better-queue's interface for a store: its core
 * refuses one without push, and its public test suite, which also proves the rest, needs all of them.
 */
import { randomUUID } from 'node:crypto';
import type { Amend, Backend, ClaimedJob, JobId, Json, Settlement, StageName } from '../backend.js';
import { bytesOf, fitting } from '../fitting.js';
import { limits } from '../limits.js';

type Tasks = Record<string, unknown>;
type Callback<T> = (error: unknown, value?: T) => void;

/** The feed of jobs that come through putTask. The key is the id of the task, the payload is the task. */
const PUSHED = 'pushed';

export interface StoreEvents {
  /** The most jobs a take may return now; 0: it returns none, without asking the backend. */
  takesMax(): number;
  took(jobs: readonly ClaimedJob[]): void;
  released(): void;
  failed(error: unknown): void;
}

const SILENT: StoreEvents = { takesMax: () => limits.claimBatchMax, took() {}, released() {}, failed() {} };

export class QueueStore {
  /** The jobs of each take, by its token. */
  readonly #locks = new Map<string, ClaimedJob[]>();
  /** Claims without a settlement. */
  readonly #unsettled = new Map<JobId, ClaimedJob>();
  /** Claims that another stage of this process handed over. */
  #handed: ClaimedJob[] = [];
  /** True: the last take contained only handed-over jobs, so the next one takes ready jobs of the backend first. */
  #backendsTurn = false;
  /** Claims that could not be given back, because the state could not be written. */
  #owed: Settlement[] = [];

  constructor(
    readonly backend: Backend,
    readonly stage: StageName,
    readonly events: StoreEvents = SILENT,
    /** The most bytes of one take. One job is always taken, whatever its size. */
    readonly bytesMax = Number.POSITIVE_INFINITY,
    /** True: a take is one task, an array. The core spends 6 µs on each task. */
    readonly asOneTask = false,
  ) {}

  /** The length only makes the core call the store; the dispatcher sets it. */
  connect(done: Callback<number>): void {
    done(null, 0);
  }

  takeFirstN(n: number, done: Callback<string>): void {
    this.#take(() => this.#handedAndClaimed(Math.min(n, this.events.takesMax())), done);
  }

  /** Adds claims of this owner for this stage; they need no claim. */
  add(jobs: readonly ClaimedJob[]): void {
    this.#handed.push(...jobs);
  }

  get handed(): number {
    return this.#handed.length;
  }

  /** Claims wait to be given back. */
  get owes(): boolean {
    return this.#owed.length > 0;
  }

  get handedBytes(): number {
    return bytesOf(this.#handed);
  }

  giveBackHanded(): Promise<void> {
    return this.#giveBack(this.#handed.splice(0));
  }

  /** The backend cannot claim from the end, so this claims as many as possible and keeps the last ones. */
  takeLastN(n: number, done: Callback<string>): void {
    this.#take(async () => {
      const jobs = await this.backend.claim(this.stage, limits.claimBatchMax);
      await this.#giveBack(jobs.slice(0, -n)).catch((error) => this.events.failed(error));
      return jobs.slice(-n).reverse();
    }, done);
  }

  getLock(token: string, done: Callback<Tasks>): void {
    done(null, this.#tasks(token, this.#locks.get(token) ?? []));
  }

  getRunningTasks(done: Callback<Record<string, Tasks>>): void {
    const running = [...this.#locks].filter(([, jobs]) => jobs.length > 0);
    done(null, Object.fromEntries(running.map(([token, jobs]) => [token, this.#tasks(token, jobs)])));
  }

  #tasks = (token: string, jobs: readonly ClaimedJob[]): Tasks =>
    this.asOneTask && jobs.length > 0 ? { [token]: jobs } : tasksOf(jobs);

  releaseLock(token: string, done: Callback<void>): void {
    const jobs = this.#locks.get(token) ?? [];
    this.#locks.delete(token);
    const left = jobs.filter((job) => this.#unsettled.get(job.id)?.claimNo === job.claimNo);
    // Its handler had it, so nobody knows how far it came.
    this.#giveBack(left, { interrupted: true })
      .catch((error) => this.events.failed(error))
      .finally(() => {
        this.events.released();
        done(null);
      });
  }

  /** The handler has settled these jobs, or learnt that they are no longer its own. */
  settled(jobs: readonly ClaimedJob[]): void {
    for (const job of jobs) this.#unsettled.delete(job.id);
  }

  unsettledOf(jobs: readonly ClaimedJob[]): ClaimedJob[] {
    return jobs.filter((job) => this.#unsettled.has(job.id));
  }

  putTask(id: string, task: unknown, _priority: number | undefined, done: Callback<void>): void {
    const candidate = {
      feed: PUSHED,
      key: Buffer.from(id),
      identity: '',
      bytes: 0,
      payload: { task: task as Json },
      dueInMs: 0,
    };
    this.backend.enqueue([candidate]).then(() => done(null), done);
  }

  getTask(id: string, done: Callback<unknown>): void {
    const [holder] = this.backend.holders(PUSHED, [Buffer.from(id)]);
    const job = holder && this.backend.job(holder.id);
    done(null, job?.payload.task);
  }

  /** Only the owner of a claim can end a job. */
  deleteTask(id: string, done: Callback<void>): void {
    const end = async () => {
      const jobs = await this.backend.claim(this.stage, limits.claimBatchMax);
      const wanted = jobs.filter((job) => taskId(job) === id);
      await this.backend.settle(wanted.map((job) => ({ job, outcome: { kind: 'drop', why: 'cancelled' } })));
      await this.#giveBack(jobs.filter((job) => !wanted.includes(job)));
    };
    end().then(() => done(null), done);
  }

  #take(claim: () => Promise<ClaimedJob[]>, done: Callback<string>): void {
    const token = randomUUID();
    const take = async (): Promise<ClaimedJob[]> => {
      await this.#giveBack([]);
      if (this.events.takesMax() === 0) return [];
      const jobs = await claim();
      // The dispatcher stopped while the claim was under way, so the jobs are given back.
      if (this.events.takesMax() > 0) return jobs;
      await this.#giveBack(jobs);
      return [];
    };
    take()
      .catch((error) => {
        this.events.failed(error);
        return [];
      })
      .then((jobs) => {
        for (const job of jobs) this.#unsettled.set(job.id, job);
        this.#locks.set(token, jobs);
        this.events.took(jobs);
        done(null, token);
        if (jobs.length === 0) this.#locks.delete(token);
      });
  }

  async #handedAndClaimed(n: number): Promise<ClaimedJob[]> {
    const first = this.#backendsTurn ? await this.backend.claim(this.stage, n, this.bytesMax) : [];
    const handed = this.#takeHanded(n - first.length, this.bytesMax - bytesOf(first), first.length === 0);
    this.#backendsTurn = first.length === 0 && (handed.length === n || this.#handed.length > 0);
    if (first.length + handed.length === n || first.length > 0) return [...first, ...handed];
    const leftBytes = this.bytesMax - bytesOf(handed);
    if (handed.length > 0 && leftBytes <= 0) return handed;
    try {
      return [...handed, ...(await this.backend.claim(this.stage, n - handed.length, leftBytes))];
    } catch (error) {
      this.#handed.unshift(...handed);
      throw error;
    }
  }

  #takeHanded(n: number, bytes: number, atLeastOne: boolean): ClaimedJob[] {
    return this.#handed.splice(0, fitting(this.#handed.slice(0, n), bytes, atLeastOne));
  }

  /** Also gives back earlier jobs for which the state could not be written. */
  async #giveBack(jobs: readonly ClaimedJob[], amend: Pick<Amend, 'interrupted'> = {}): Promise<void> {
    this.settled(jobs);
    const outcome = { kind: 'defer', inMs: 0, why: 'given back unsettled', ...amend } as const;
    this.#owed.push(...jobs.map((job) => ({ job, outcome })));
    if (this.#owed.length === 0) return;
    const owed = this.#owed;
    this.#owed = [];
    try {
      await this.backend.settle(owed);
    } catch (error) {
      this.#owed.push(...owed);
      throw error;
    }
  }
}

const taskId = (job: ClaimedJob): string => (job.feed === PUSHED ? job.key.toString() : job.id);

function tasksOf(jobs: readonly ClaimedJob[]): Tasks {
  return Object.fromEntries(jobs.map((job) => [taskId(job), job.feed === PUSHED ? job.payload.task : job]));
}
