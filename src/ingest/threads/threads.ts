/**
 * The threads of a process: one for quick acts on many files, and as many as were asked for that read or copy one file each.
 * Guarantees: a thread that hangs keeps its own file and nothing else: its orders go to another one in its place. A thread for
 * long acts ends when it has been idle.
 * Does not: end a thread in a call that hangs, which nobody can. Who has too many of them has to end the process.
 */

import type { Hand } from '../../../queue/index.js';
import { type Act, type Answer, HANGS_IN, isLong, type Order } from '../calls/order.js';
import type { HandSpot, ThreadData } from './messages.js';
import { CallThread, type Hung, type Waiting } from './thread.js';

export interface ThreadsParts {
  /** Where the `n`th thread says what it has in hand. */
  spotOf: (n: number) => HandSpot;
  pace?: ThreadData['pace'];
  /** Threads that read or copy at a time. */
  most: number;
  /** Rounds of `look` without progress after which a thread is given up. */
  roundsMax: number;
  /** The `n`th thread hangs at a job; without a hand, it does so no more. */
  noteHung: (n: number, hand?: Required<Hand>) => void;
  /** A thread was given up. */
  onHang: (hung: Hung) => void;
}

const IDLE_MS = 10_000;

const UNKNOWN = { kind: 'unknown' } as const;
const STOPPED = { kind: 'stopped' } as const;

/** An order that needs the very place in which a thread hangs. */
function wouldHang({ asked }: Waiting, { order }: Hung): boolean {
  const place = HANGS_IN[order.act];
  return place !== '' && HANGS_IN[asked.order.act] === place && asked.order.terms.feed.name === order.terms.feed.name;
}

export class CallThreads {
  /** For quick acts. */
  #quick: CallThread;
  /** For long ones, and since when each is idle; undefined while it is at work. */
  readonly #long = new Map<CallThread, NodeJS.Timeout | undefined>();
  readonly #waiting: ((thread: CallThread) => void)[] = [];
  /** By place in the owner's slot. */
  readonly #places = new Map<number, CallThread>();
  #isDraining = false;

  constructor(readonly parts: ThreadsParts) {
    this.#quick = this.#made();
  }

  /** How many hang. */
  get hanging(): number {
    return this.#places.size - this.#long.size - 1;
  }

  async run<A extends Act>(order: Order<A>, jobs?: readonly string[]): Promise<Answer<A>[]> {
    if (!isLong(order.act)) return this.#quick.run(order, jobs);
    const thread = await this.#take();
    try {
      // It may have waited for the thread, and a large file takes its time.
      return this.#isDraining ? order.files.map(() => STOPPED) : await thread.run(order, jobs);
    } finally {
      this.#give(thread);
    }
  }

  /** The first file need not wait for a thread. */
  start(): void {
    this.#quick.start();
  }

  /** One round. */
  look(): void {
    for (const thread of [this.#quick, ...this.#long.keys()])
      if (thread.roundsWithoutProgress() >= this.parts.roundsMax) this.#replace(thread);
  }

  drain(): void {
    this.#isDraining = true;
    for (const thread of [this.#quick, ...this.#long.keys()]) thread.drain();
  }

  /** Those that hang are left alone. */
  async close(): Promise<void> {
    for (const idle of this.#long.values()) clearTimeout(idle);
    await Promise.all([this.#quick, ...this.#long.keys()].map((thread) => thread.close()));
  }

  #replace(thread: CallThread): void {
    const hung = thread.giveUp();
    const [n] = this.#placesOf(thread) as [number];
    const hangs = HANGS_IN[hung.order.act] === '' ? 'itself' : 'place';
    if (hung.job !== undefined) this.parts.noteHung(n, { job: hung.job, hangs });
    void hung.back.then(() => {
      this.parts.noteHung(n);
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
    // Given up.
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
    const thread = new CallThread({ spot: this.parts.spotOf(place), pace: this.parts.pace });
    this.#places.set(place, thread);
    if (this.#isDraining) thread.drain();
    return thread;
  }

  #leave(thread: CallThread): void {
    for (const n of this.#placesOf(thread)) this.#places.delete(n);
  }

  #placesOf = (thread: CallThread): number[] => [...this.#places].flatMap(([n, one]) => (one === thread ? [n] : []));
}
