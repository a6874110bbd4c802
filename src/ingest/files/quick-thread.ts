/**
 * A thread of its own for src/ingest/files/quick.ts, so that its calls run beside the transactions of the main thread. It has all
 * orders at once and chooses among them itself: were it handed one after the other, it would stand still during each
 * transaction, and the main thread during each order (60,000 files took 12.2 s instead of 10.7).
 * Guarantees: which file it is at stands in the owner's slot, as for a job that the main thread has in hand; whether it goes
 * on can be asked at any time.
 * Does not: open the state. A call that hangs holds this thread alone: `stuckAt` then says where, and its process gives no
 * more signs of life.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { isMainThread, parentPort, receiveMessageOnPort, Worker, workerData } from 'node:worker_threads';
import { isFull } from '../../../queue/errors.js';
import { handText } from '../../../queue/slot-text.js';
import type { PlaceKind } from '../../files/place-error.js';
import { inPackage } from '../../package.js';
import { type QuickAnswer, type QuickOrder, runQuick } from './quick.js';

/** Where in which file `handText` of the job in hand is written. */
export interface HandSpot {
  path: string;
  at: number;
}

interface Asked {
  id: number;
  order: QuickOrder;
  /** By file: the job that is in hand with it; without, none is. */
  jobs: readonly string[] | undefined;
}

type Said = { id: number; answers: QuickAnswer<QuickOrder>[] } | { id: number; error: unknown };

interface Waiting {
  asked: Asked;
  ended: Promise<unknown>;
  resolve: (answers: QuickAnswer<QuickOrder>[]) => void;
  reject: (error: unknown) => void;
}

/** Where a call of an order hangs when it hangs; '' where that is held against the job in hand, as in the main thread. */
const PLACES: Record<QuickOrder['kind'], PlaceKind | ''> = { seal: '', look: 'warehouse', move: 'warehouse' };

/** What stands in the words that both threads have: how many files were begun, the order and the number of the last one. */
const [BEGUN, ORDER, FILE] = [0, 1, 2];

/** Small files leave little behind; the default lets this thread grow as large as the main one. */
const YOUNG_MB = 4;

export class QuickThread {
  #worker: Worker | undefined;
  readonly #steps = new Int32Array(new SharedArrayBuffer(12));
  #seen = 0;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  constructor(readonly spot: HandSpot) {}

  /** `jobs`: one a file, to be in hand with it. Rejects when nothing of it is under way any more. */
  run<O extends QuickOrder>(order: O, jobs?: readonly string[]): Promise<QuickAnswer<O>[]> {
    const id = ++this.#lastId;
    this.#worker ??= this.#start();
    // While it has orders, it keeps the process alive.
    this.#worker.ref();
    const asked: Asked = { id, order, jobs };
    this.#worker.postMessage(asked);
    const waiting: Partial<Waiting> = {};
    const answers = new Promise<QuickAnswer<QuickOrder>[]>((resolve, reject) =>
      Object.assign(waiting, { resolve, reject }),
    );
    this.#waiting.set(id, { ...(waiting as Waiting), asked, ended: answers.catch(() => {}) });
    return answers as Promise<QuickAnswer<O>[]>;
  }

  /** Where it is, if it has been at the same file since the last time that this was asked. */
  stuckAt(): { job: string | null; place: PlaceKind | '' } | undefined {
    const begun = Atomics.load(this.#steps, BEGUN);
    const stuck = this.#waiting.size > 0 && begun === this.#seen;
    this.#seen = begun;
    if (!stuck) return undefined;
    const asked = this.#waiting.get(Atomics.load(this.#steps, ORDER))?.asked;
    if (!asked) return { job: null, place: '' };
    return { job: asked.jobs?.[Atomics.load(this.#steps, FILE)] ?? null, place: PLACES[asked.order.kind] };
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
    else waiting.resolve(said.answers);
  }

  #start(): Worker {
    const worker = new Worker(inPackage('dist/src/ingest/files/quick-thread.js'), {
      workerData: { spot: this.spot, steps: this.#steps },
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
      .on('exit', (code) => ended(new Error(`the thread for quick calls ended (exit code ${code})`)));
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
  const orders: UnderWay[] = [];
  const take = (asked: Asked): void => void orders.push({ asked, answers: [] });
  const goOn = (one: UnderWay): void => {
    const said = pieceOf(one, (file) => {
      Atomics.store(steps, ORDER, one.asked.id);
      Atomics.store(steps, FILE, file);
      Atomics.add(steps, BEGUN, 1);
      if (one.asked.jobs) hand(one.asked.jobs[file]!);
    });
    if (one.asked.jobs) hand(null);
    if (!said) return;
    orders.splice(orders.indexOf(one), 1);
    parentPort!.postMessage(said);
  };
  parentPort!.on('message', (first: Asked) => {
    take(first);
    while (orders.length > 0) {
      goOn(orders.reduce((a, b) => (rank(b.asked) > rank(a.asked) ? b : a)));
      for (let more = receiveMessageOnPort(parentPort!); more; more = receiveMessageOnPort(parentPort!))
        take(more.message);
    }
  });
}

interface UnderWay {
  asked: Asked;
  /** The answers for the files that are done. */
  answers: QuickAnswer<QuickOrder>[];
}

/** From last to first. A look goes first: it is short, and the main thread has most to do after it. */
const RANKS: readonly QuickOrder['kind'][] = ['seal', 'move', 'look'];
const rank = ({ order }: Asked): number => RANKS.indexOf(order.kind);

/** Files in one go, after which what came meanwhile may go first: a thousand seals take 50 ms. */
const PIECE = 128;

/** Undefined while there is more of the order. `beginning`: as for `runQuick`. */
function pieceOf({ asked, answers }: UnderWay, beginning: (file: number) => void): Said | undefined {
  const { id, order } = asked;
  const at = answers.length;
  const piece = { ...order, files: order.files.slice(at, at + PIECE) } as QuickOrder;
  try {
    answers.push(...runQuick(piece, (file) => beginning(at + file)));
  } catch (error) {
    return { id, error };
  }
  return answers.length < order.files.length ? undefined : { id, answers };
}

if (!isMainThread && workerData?.spot) serve(workerData);
