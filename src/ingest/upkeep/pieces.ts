/**
 * Work in pieces of some ms, with rests between them: who wants the state, or the core, comes in between.
 * Does not: know what the work is.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** A piece that writes: a tenth of what a claim may wait. */
const PIECE_MS = 10;
const SIZE_MIN = 16;
/**
 * However fast the last ones were, the next one may meet a slow disk or a busy core: what it changes is bounded too. On two
 * cores with six at work, 100 records kept the state for up to 213 ms, 50 for 120, 25 for 72, all as many a second.
 */
const SIZE_MAX = 32;
/** So that whoever waits for the state has tried again, which it does within 1.2 ms. */
const REST_MIN_MS = 2;
const REST_MAX_MS = 1_000;

export class Pieces {
  /** How many rows the next piece that writes may change. */
  size = SIZE_MIN;

  /** After each piece it rests so many times as long as that took. */
  constructor(private readonly restTimes: number) {}

  async piece<T>(act: () => T | Promise<T>): Promise<T> {
    const from = performance.now();
    const done = await act();
    await this.#rest(performance.now() - from);
    return done;
  }

  /** A piece of so many rows as `size` says, which changes with the time that it takes. */
  async write<T>(act: () => Promise<T>): Promise<T> {
    const from = performance.now();
    const done = await act();
    const tookMs = performance.now() - from;
    if (tookMs > PIECE_MS) this.size = Math.max(SIZE_MIN, this.size >> 1);
    else if (tookMs < PIECE_MS / 2) this.size = Math.min(SIZE_MAX, this.size << 1);
    await this.#rest(tookMs);
    return done;
  }

  #rest(tookMs: number): Promise<void> {
    return sleep(Math.min(REST_MAX_MS, Math.max(REST_MIN_MS, tookMs * this.restTimes)));
  }
}
