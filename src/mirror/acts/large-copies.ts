/**
 * Copies of large files, which run beside everything else. A copy gives way when its path, or a directory above it, is
 * about to be moved or removed: it stops at its next piece, and the caller continues.
 */
import type { ByteName } from '../../linux/index.js';
import { limits } from '../trees/limits.js';

/** Thrown inside a copy that gives way. */
export class GaveWay extends Error {
  override readonly name = 'GaveWay';
}

interface Copy {
  gives: AbortController;
  done: Promise<void>;
  /** The copy was requested again, after it had read a part: that part may be out of date. */
  again: boolean;
}

export class LargeCopies {
  readonly #running = new Map<ByteName, Copy>();
  readonly #waiting = new Set<ByteName>();
  readonly #thrown: unknown[] = [];
  #stopped = false;

  /** `copy` throws what concerns everything: a missing SOURCE or DEST, and bugs. */
  constructor(private readonly copy: (path: ByteName, signal: AbortSignal) => Promise<void>) {}

  get size(): number {
    return this.#running.size + this.#waiting.size;
  }

  start(path: ByteName): void {
    if (this.#stopped) return;
    const running = this.#running.get(path);
    if (running) {
      running.again = true;
      return;
    }
    this.#waiting.add(path);
    this.#next();
  }

  /** Resolves when no copy is under way at or below the path; '' means everywhere. */
  async giveWay(path: ByteName): Promise<void> {
    const speaks = (other: ByteName) => path === '' || other === path || other.startsWith(`${path}/`);
    for (const waiting of [...this.#waiting]) if (speaks(waiting)) this.#waiting.delete(waiting);
    const ending = [...this.#running].filter(([other]) => speaks(other)).map(([, copy]) => copy);
    for (const copy of ending) {
      copy.again = false;
      copy.gives.abort();
    }
    await Promise.all(ending.map(({ done }) => done));
  }

  /** Resolves when all copies have ended; rejects as `rethrow`. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled([...this.#running.values()].map(({ done }) => done));
    this.rethrow();
  }

  /** Throws what a copy threw since the last call. */
  rethrow(): void {
    const [error] = this.#thrown.splice(0);
    if (error !== undefined) throw error;
  }

  /** Stops all copies; no more are started. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.clear();
    for (const { gives } of this.#running.values()) gives.abort();
    await this.idle();
  }

  #next(): void {
    for (const path of this.#waiting) {
      if (this.#running.size >= limits.largeAtOnce) return;
      this.#waiting.delete(path);
      const gives = new AbortController();
      const copy: Copy = { gives, again: false, done: Promise.resolve() };
      this.#running.set(path, copy);
      copy.done = this.copy(path, gives.signal).finally(() => {
        this.#running.delete(path);
        if (copy.again) this.start(path);
        this.#next();
      });
      copy.done.catch((error: unknown) => this.#thrown.push(error));
    }
  }
}
