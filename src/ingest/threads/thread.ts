/**
 * A thread for calls on files, so that they run beside the transactions of the main thread, and a call that hangs keeps nobody
 * else. It has all its orders at once and chooses among them itself: were it handed one after the other, it would stand still
 * during each transaction, and the main thread during each order (60,000 files took 12.2 s instead of 10.7).
 * Guarantees: which file it is at stands in the owner's slot for it; it opens the roots of an order by itself, so no descriptor
 * is shared.
 * Does not: open the state.
 */
import type { Worker } from 'node:worker_threads';
import { endThread, startThread } from '../../base/process/threads.js';
import { inPackage } from '../../package.js';
import type { Act, Answer, Order } from '../calls/order.js';
import { unpacked } from './failure.js';
import {
  type Asked,
  DRAINING,
  FILE,
  GIVEN_UP,
  ORDER,
  PROGRESS,
  type Said,
  type ThreadData,
  WORDS_BYTES,
} from './messages.js';

export interface Waiting {
  asked: Asked;
  ended: Promise<unknown>;
  resolve: (answers: Answer[]) => void;
  reject: (error: unknown) => void;
}

/** What a thread was at when it was given up. */
export interface Hung {
  order: Order;
  /** The file, and the job that was in hand with it or that it belongs to. */
  file: Order['files'][number] | undefined;
  job: string | undefined;
  /** Resolves when the call has ended, and the thread with it. */
  back: Promise<void>;
  /** Orders that it had not begun or was not at. */
  left: Waiting[];
}

/** Small files leave little behind; the default lets this thread grow as large as the main one. */
const YOUNG_MB = 4;

let lastId = 0;

export class CallThread {
  #worker: Worker | undefined;
  readonly #words = new Int32Array(new SharedArrayBuffer(WORDS_BYTES));
  #seen = 0;
  #rounds = 0;
  readonly #waiting = new Map<number, Waiting>();

  constructor(readonly data: Omit<ThreadData, 'words'>) {}

  /** `jobs`: one a file, to be in hand with it. Rejects when nothing of it is under way any more. */
  run<A extends Act>(order: Order<A>, jobs?: readonly string[]): Promise<Answer<A>[]> {
    const asked: Asked = { id: ++lastId, order: order as Order, jobs };
    const waiting: Partial<Waiting> = {};
    const answers = new Promise<Answer[]>((resolve, reject) => Object.assign(waiting, { resolve, reject }));
    this.take({ ...(waiting as Waiting), asked, ended: answers.catch(() => {}) });
    return answers as Promise<Answer<A>[]>;
  }

  /** An order that another thread had. */
  take(waiting: Waiting): void {
    const worker = this.#started();
    // While it has orders, it keeps the process alive.
    worker.ref();
    this.#waiting.set(waiting.asked.id, waiting);
    worker.postMessage(waiting.asked);
  }

  /** Before the first order, which need not wait for it then. */
  start(): void {
    this.#started().unref();
  }

  /** Called in regular rounds: in how many of them it has been at the same file, or piece of a file. */
  roundsWithoutProgress(): number {
    const progress = Atomics.load(this.#words, PROGRESS);
    this.#rounds = this.#waiting.size > 0 && progress === this.#seen ? this.#rounds + 1 : 0;
    this.#seen = progress;
    return this.#rounds;
  }

  /** Takes everything from it but the file that it is at; it ends when the call on that has ended. */
  giveUp(): Hung {
    Atomics.store(this.#words, GIVEN_UP, 1);
    const at = this.#waiting.get(Atomics.load(this.#words, ORDER)) ?? [...this.#waiting.values()][0]!;
    const { asked, resolve } = at;
    const { order, jobs } = asked;
    const n = Atomics.load(this.#words, FILE);
    const file = order.files[n];
    const job = jobs?.[n] ?? (file && 'id' in file ? file.id : undefined);
    const back = new Promise<void>((done) => this.#worker!.once('exit', () => done()));
    this.#waiting.delete(asked.id);
    const left = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#worker!.unref();
    resolve(order.files.map((_, i) => (i === n ? { kind: 'hangs', back } : { kind: 'unknown' })));
    return { order, file, job, back, left };
  }

  /** Files that have not begun are not tried any more, and what is read or copied does not wait for its turn. */
  drain(): void {
    Atomics.store(this.#words, DRAINING, 1);
    this.#worker?.postMessage('drain');
  }

  async close(): Promise<void> {
    await Promise.all([...this.#waiting.values()].map(({ ended }) => ended));
    if (this.#worker) await endThread(this.#worker);
  }

  #heard(said: Said): void {
    const waiting = this.#waiting.get(said.id);
    if (!waiting) {
      // It was given up, and came back.
      void this.#worker?.terminate();
      return;
    }
    this.#waiting.delete(said.id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if ('error' in said) waiting.reject(said.error);
    else waiting.resolve(said.answers.map(unpacked));
  }

  #started(): Worker {
    this.#worker ??= this.#start();
    return this.#worker;
  }

  #start(): Worker {
    const options = {
      workerData: { ...this.data, words: this.#words } satisfies ThreadData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      // Node would warn of each descriptor that is closed by `fs` and was opened by openat2.
      trackUnmanagedFds: false,
    };
    const worker = startThread(inPackage('dist/program/call-thread.cjs'), options, (said: Said) => this.#heard(said));
    const ended = (error: unknown): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      for (const id of [...this.#waiting.keys()]) this.#heard({ id, error });
    };
    worker
      .on('error', ended)
      .on('exit', (code) => ended(new Error(`the thread for calls on files ended (exit code ${code})`)));
    return worker;
  }
}
