/**
 * The call threads of a process: one for quick acts on many files, and up to `most` that read or copy one file each.
 * Guarantees: a thread that hangs keeps only its current file. A new thread takes its orders. A thread for long acts ends
 * when it has been idle for a while.
 * Does not: end a thread in a call that hangs, because nobody can. If too many threads hang, the process must end.
 */

import type { ThreadJob } from '../../../queue/index.js';
import type { JobSpot, ThreadData } from './messages.js';
import { type Act, type Answer, HANGS_IN, isLong, type Order } from './order.js';
import { CallThread, type Hung, type Waiting } from './thread.js';

export interface ThreadsParts {
  /** The position at which the `n`th thread notes its current job. */
  spotOf: (n: number) => JobSpot;
  throttle?: ThreadData['throttle'];
  /** The most threads that read or copy at the same time. */
  most: number;
  /** The number of rounds of `check` without progress after which a thread is given up. */
  roundsMax: number;
  /** Notes that the `n`th thread hangs at a job; without a hand, that it no longer hangs. */
  noteThreadHang: (n: number, hand?: Required<ThreadJob>) => void;
  /** Called when a thread was given up. */
  onHang: (hung: Hung) => void;
}

const IDLE_MS = 10_000;

const UNKNOWN = { kind: 'unknown' } as const;
const STOPPED = { kind: 'stopped' } as const;

/** True for an order that needs the place in which a thread hangs. */
function wouldHang({ asked }: Waiting, { order }: Hung): boolean {
  const place = HANGS_IN[order.act];
  return place !== '' && HANGS_IN[asked.order.act] === place && asked.order.terms.feed.name === order.terms.feed.name;
}

export class CallThreads {
  /** The thread for quick acts. */
  #quick: CallThread;
  /** The threads for long acts, each with its idle timer; undefined while it works. */
  readonly #long = new Map<CallThread, NodeJS.Timeout | undefined>();
  readonly #waiting: ((thread: CallThread) => void)[] = [];
  /** The threads by their place in the owner's slot. */
  readonly #places = new Map<number, CallThread>();
  #isDraining = false;

  constructor(readonly parts: ThreadsParts) {
    this.#quick = this.#made();
  }

  /** The number of threads that hang. */
  get hanging(): number {
    return this.#places.size - this.#long.size - 1;
  }

  async run<A extends Act>(order: Order<A>, jobs?: readonly string[]): Promise<Answer<A>[]> {
    if (!isLong(order.act)) return this.#quick.run(order, jobs);
    const thread = await this.#take();
    try {
      // The order may have waited for the thread, and a large file takes long.
      return this.#isDraining ? order.files.map(() => STOPPED) : await thread.run(order, jobs);
    } finally {
      this.#give(thread);
    }
  }

  /** Starts the quick thread, so that the first file need not wait for it. */
  start(): void {
    this.#quick.start();
  }

  /** One round: gives up threads without progress. */
  check(): void {
    for (const thread of [this.#quick, ...this.#long.keys()])
      if (thread.roundsWithoutProgress() >= this.parts.roundsMax) this.#replace(thread);
  }

  drain(): void {
    this.#isDraining = true;
    for (const thread of [this.#quick, ...this.#long.keys()]) thread.drain();
  }

  /** Does not wait for threads that hang. */
  async close(): Promise<void> {
    for (const idle of this.#long.values()) clearTimeout(idle);
    await Promise.all([this.#quick, ...this.#long.keys()].map((thread) => thread.close()));
  }

  #replace(thread: CallThread): void {
    const hung = thread.giveUp();
    const [n] = this.#placesOf(thread) as [number];
    const hangs = HANGS_IN[hung.order.act] === '' ? 'itself' : 'place';
    if (hung.job !== undefined) this.parts.noteThreadHang(n, { job: hung.job, hangs });
    void hung.back.then(() => {
      this.parts.noteThreadHang(n);
      this.#leave(thread);
    });
    if (thread === this.#quick) {
      this.#quick = this.#made();
      for (const waiting of hung.left) if (!wouldHang(waiting, hung)) this.#quick.take(waiting);
    } else {
      this.#long.delete(thread);
      this.#serveNext();
    }
    this.parts.onHang(hung);
    for (const waiting of hung.left)
      if (wouldHang(waiting, hung)) waiting.resolve(waiting.asked.order.files.map(() => UNKNOWN));
  }

  #take(): Promise<CallThread> | CallThread {
    for (const [thread, idle] of this.#long) {
      if (idle === undefined) continue;
      clearTimeout(idle);
      this.#long.set(thread, undefined);
      return thread;
    }
    if (this.#long.size < this.parts.most) return this.#another();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #another(): CallThread {
    const thread = this.#made();
    this.#long.set(thread, undefined);
    return thread;
  }

  #serveNext(): void {
    if (this.#waiting.length > 0 && this.#long.size < this.parts.most) this.#waiting.shift()!(this.#another());
  }

  #give(thread: CallThread): void {
    // It was given up.
    if (!this.#long.has(thread)) return;
    const next = this.#waiting.shift();
    if (next) {
      next(thread);
      return;
    }
    const idle = setTimeout(() => {
      this.#long.delete(thread);
      this.#leave(thread);
      void thread.close();
    }, IDLE_MS);
    this.#long.set(thread, idle.unref());
  }

  #made(): CallThread {
    let place = 0;
    while (this.#places.has(place)) place++;
    const thread = new CallThread({ spot: this.parts.spotOf(place), throttle: this.parts.throttle });
    this.#places.set(place, thread);
    if (this.#isDraining) thread.drain();
    return thread;
  }

  #leave(thread: CallThread): void {
    for (const n of this.#placesOf(thread)) this.#places.delete(n);
  }

  #placesOf = (thread: CallThread): number[] => [...this.#places].flatMap(([n, one]) => (one === thread ? [n] : []));
}
