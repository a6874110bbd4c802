/**
 * A thread of its own for orders, so that their calls run beside the transactions of the main thread. It has all
 * orders at once and chooses among them itself: were it handed one after the other, it would stand still during each
 * transaction, and the main thread during each order (60,000 files took 12.2 s instead of 10.7).
 * Guarantees: which file it is at stands in the owner's slot, as for a job that the main thread has in hand; whether it goes
 * on can be asked at any time; it opens the roots of an order by itself, so no descriptor is shared.
 * Does not: open the state. A call that hangs holds this thread alone: `stuckAt` then says where, and its process gives no
 * more signs of life.
 */
import { Worker } from 'node:worker_threads';
import type { PlaceKind } from '../../files/place-error.js';
import { inPackage } from '../../package.js';
import { type Act, type Answer, HANGS_IN, type Order } from '../calls/order.js';
import { unpacked } from './failure.js';
import { type Asked, BEGUN, DRAINING, FILE, type HandSpot, ORDER, type Said } from './messages.js';

interface Waiting {
  asked: Asked;
  ended: Promise<unknown>;
  resolve: (answers: Answer[]) => void;
  reject: (error: unknown) => void;
}

/** Small files leave little behind; the default lets this thread grow as large as the main one. */
const YOUNG_MB = 4;

export class CallThread {
  #worker: Worker | undefined;
  readonly #words = new Int32Array(new SharedArrayBuffer(16));
  #seen = 0;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(readonly spot: HandSpot) {}

  /** `jobs`: one a file, to be in hand with it. Rejects when nothing of it is under way any more. */
  run<A extends Act>(order: Order<A>, jobs?: readonly string[]): Promise<Answer<A>[]> {
    const id = ++this.#lastId;
    this.#worker ??= this.#start();
    // While it has orders, it keeps the process alive.
    this.#worker.ref();
    const asked: Asked = { id, order: order as Order, jobs };
    this.#worker.postMessage(asked);
    const waiting: Partial<Waiting> = {};
    const answers = new Promise<Answer[]>((resolve, reject) => Object.assign(waiting, { resolve, reject }));
    this.#waiting.set(id, { ...(waiting as Waiting), asked, ended: answers.catch(() => {}) });
    return answers as Promise<Answer<A>[]>;
  }

  /** Where it is, if it has been at the same file since the last time that this was asked. */
  stuckAt(): { job: string | null; place: PlaceKind | '' } | undefined {
    const begun = Atomics.load(this.#words, BEGUN);
    const stuck = this.#waiting.size > 0 && begun === this.#seen;
    this.#seen = begun;
    if (!stuck) return undefined;
    const asked = this.#waiting.get(Atomics.load(this.#words, ORDER))?.asked;
    if (!asked) return { job: null, place: '' };
    return { job: asked.jobs?.[Atomics.load(this.#words, FILE)] ?? null, place: HANGS_IN[asked.order.act] };
  }

  /** Files that have not begun are not tried any more. */
  drain(): void {
    Atomics.store(this.#words, DRAINING, 1);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#waiting.values()].map(({ ended }) => ended));
    await this.#worker?.terminate();
  }

  #heard(said: Said): void {
    const waiting = this.#waiting.get(said.id)!;
    this.#waiting.delete(said.id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if ('error' in said) waiting.reject(said.error);
    else waiting.resolve(said.answers.map(unpacked));
  }

  #start(): Worker {
    const worker = new Worker(inPackage('dist/program/call-thread.cjs'), {
      workerData: { spot: this.spot, words: this.#words },
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      // Node would warn of each descriptor that is closed by `fs` and was opened by openat2.
      trackUnmanagedFds: false,
    });
    const ended = (error: unknown): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      for (const id of [...this.#waiting.keys()]) this.#heard({ id, error });
    };
    worker.on('message', (said: Said) => this.#heard(said));
    worker
      .on('error', ended)
      .on('exit', (code) => ended(new Error(`the thread for calls on files ended (exit code ${code})`)));
    return worker;
  }
}
