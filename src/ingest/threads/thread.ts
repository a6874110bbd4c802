/**
 * A thread of its own for orders, so that their calls run beside the transactions of the main thread. It has all
 * orders at once and chooses among them itself: were it handed one after the other, it would stand still during each
 * transaction, and the main thread during each order (60,000 files took 12.2 s instead of 10.7).
 * Guarantees: which file it is at stands in the owner's slot, as for a job that the main thread has in hand; whether it goes
 * on can be asked at any time; it opens the roots of an order by itself, so no descriptor is shared.
 * Does not: open the state. A call that hangs holds this thread alone: `stuckAt` then says where, and its process gives no
 * more signs of life.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { isMainThread, parentPort, receiveMessageOnPort, Worker, workerData } from 'node:worker_threads';
import { isFull } from '../../../queue/errors.js';
import { handText } from '../../../queue/slot-text.js';
import type { PlaceKind } from '../../files/place-error.js';
import { inPackage } from '../../package.js';
import { type Act, type Answer, HANGS_IN, type Order } from '../calls/order.js';
import { Running } from '../calls/run.js';
import { packed, unpacked } from './failure.js';

/** Where in which file `handText` of the job in hand is written. */
export interface HandSpot {
  path: string;
  at: number;
}

interface Asked {
  id: number;
  order: Order;
  /** By file: the job that is in hand with it; without, none is. */
  jobs: readonly string[] | undefined;
}

type Said = { id: number; answers: Answer[] } | { id: number; error: unknown };

interface Waiting {
  asked: Asked;
  ended: Promise<unknown>;
  resolve: (answers: Answer[]) => void;
  reject: (error: unknown) => void;
}

/**
 * What stands in the words that both threads have: how many files were begun, the order and the number of the last one, and whether
 * what has not begun is to be given back.
 */
const [BEGUN, ORDER, FILE, DRAINING] = [0, 1, 2, 3];

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
    const worker = new Worker(inPackage('dist/src/ingest/threads/thread.js'), {
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

interface UnderWay {
  asked: Asked;
  running: Running;
}

/** From last to first. A look goes first: it is short, and the main thread has most to do after it. */
const RANKS: readonly Act[] = ['hash', 'seal', 'move', 'free_name'];
const rank = ({ asked: { order } }: UnderWay): number => RANKS.indexOf(order.act);

/** Files in one go, after which what came meanwhile may go first: a thousand seals take 50 ms. */
const PIECE = 128;

/** In the thread. */
function serve({ spot, words }: { spot: HandSpot; words: Int32Array }): void {
  // A descriptor of its own: those of the main thread's file hold its lock.
  const fd = openSync(spot.path, 'r+');
  const hand = (job: string | null): void => {
    try {
      writeSync(fd, handText(job), spot.at, 'latin1');
    } catch (error) {
      // A full disk under a filesystem that never writes in place; as for the main thread's own beats.
      if (!isFull(error)) throw error;
    }
  };
  process.on('exit', () => closeSync(fd));
  const orders: UnderWay[] = [];
  const goOn = ({ asked, running }: UnderWay): void => {
    for (let n = 0; n < PIECE && !running.isDone; n++) {
      const file = running.answers.length;
      Atomics.store(words, ORDER, asked.id);
      Atomics.store(words, FILE, file);
      Atomics.add(words, BEGUN, 1);
      if (Atomics.load(words, DRAINING) === 1 && file > 0) running.stop();
      if (asked.jobs) hand(asked.jobs[file]!);
      running.next();
    }
    if (asked.jobs) hand(null);
  };
  const say = (said: Said): void => parentPort!.postMessage(said);
  const take = (asked: Asked): void => {
    try {
      orders.push({ asked, running: new Running(asked.order) });
    } catch (error) {
      say({ id: asked.id, error });
    }
  };
  const next = (one: UnderWay): void => {
    goOn(one);
    const { asked, running } = one;
    if (!running.isDone) return;
    orders.splice(orders.indexOf(one), 1);
    running.close();
    say({ id: asked.id, answers: running.answers.map(packed) });
  };
  parentPort!.on('message', (first: Asked) => {
    take(first);
    while (orders.length > 0) {
      next(orders.reduce((a, b) => (rank(b) > rank(a) ? b : a)));
      for (let more = receiveMessageOnPort(parentPort!); more; more = receiveMessageOnPort(parentPort!))
        take(more.message);
    }
  });
}

if (!isMainThread && workerData?.spot) serve(workerData);
