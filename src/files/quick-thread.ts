/**
 * A thread of its own for src/files/quick.ts, so that its calls run beside the transactions of the main thread.
 * Guarantees: which file it is at stands in the owner's slot, as for a job that the main thread has in hand; whether it goes
 * on can be asked at any time.
 * Does not: open the state. A call that hangs holds this thread alone: `isStuck` then says so, and its process gives no more
 * signs of life.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { isFull } from '../../queue/errors.js';
import { handText } from '../../queue/owners.js';
import { type QuickAnswer, type QuickOrder, runQuick } from './quick.js';

/** Where in which file `handText` of the job in hand is written. */
export interface HandSpot {
  path: string;
  at: number;
}

interface Asked {
  order: QuickOrder;
  /** By file: the job that is in hand with it; without, none is. */
  jobs: readonly string[] | undefined;
}

interface Waiting {
  asked: Asked;
  resolve: (answers: QuickAnswer<QuickOrder>[]) => void;
  reject: (error: unknown) => void;
}

/** What goes first: a file that is moved is a file that is done. */
const RANKS: readonly QuickOrder['kind'][] = ['seal', 'look', 'move'];
const rank = ({ order }: Asked): number => RANKS.indexOf(order.kind);

type Said = { answers: QuickAnswer<QuickOrder>[] } | { error: unknown };

/** Small files leave little behind; the default lets this thread grow as large as the main one. */
const YOUNG_MB = 4;

export class QuickThread {
  #worker: Worker | undefined;
  readonly #steps = new Int32Array(new SharedArrayBuffer(4));
  #seen = 0;
  readonly #waiting: Waiting[] = [];
  #underWay: Promise<unknown> | undefined;

  constructor(readonly spot: HandSpot) {}

  /** One order after the other, those first that end a file's way. `jobs`: one a file, to be in hand with it. */
  run<O extends QuickOrder>(order: O, jobs?: readonly string[]): Promise<QuickAnswer<O>[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ asked: { order, jobs }, resolve: resolve as Waiting['resolve'], reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#underWay || this.#waiting.length === 0) return;
    const first = this.#waiting.reduce((a, b) => (rank(b.asked) > rank(a.asked) ? b : a));
    this.#waiting.splice(this.#waiting.indexOf(first), 1);
    this.#underWay = this.#ask(first.asked)
      .then(first.resolve, first.reject)
      .finally(() => {
        this.#underWay = undefined;
        this.#next();
      });
  }

  /** It has been at the same file since the last time that this was asked. */
  isStuck(): boolean {
    const step = Atomics.load(this.#steps, 0);
    const stuck = this.#underWay !== undefined && step === this.#seen;
    this.#seen = step;
    return stuck;
  }

  async close(): Promise<void> {
    await this.#underWay;
    await this.#worker?.terminate();
  }

  async #ask(asked: Asked): Promise<QuickAnswer<QuickOrder>[]> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    return await new Promise((resolve, reject) => {
      const heard = (said: Said): void => {
        worker.off('error', failed);
        if ('error' in said) reject(said.error);
        else resolve(said.answers);
      };
      const failed = (error: unknown): void => {
        worker.off('message', heard);
        this.#worker = undefined;
        reject(error);
      };
      worker.once('message', heard).once('error', failed);
      worker.postMessage(asked);
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { spot: this.spot, steps: this.#steps },
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      // Node would warn of each descriptor that is closed by `fs` and was opened by openat2.
      trackUnmanagedFds: false,
    });
    worker.unref();
    return worker;
  }
}

/** In the thread. */
function serve({ spot, steps }: { spot: HandSpot; steps: Int32Array }): void {
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
  parentPort!.on('message', ({ order, jobs }: Asked) => {
    let said: Said;
    try {
      const answers = runQuick(order, (file) => {
        Atomics.add(steps, 0, 1);
        if (jobs) hand(jobs[file]!);
      });
      said = { answers };
    } catch (error) {
      said = { error };
    }
    if (jobs) hand(null);
    parentPort!.postMessage(said);
  });
}

if (!isMainThread && workerData?.spot) serve(workerData);
