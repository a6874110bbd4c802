/**
 * Runs work in pieces of some milliseconds with rests between them, so that others get the state and the core.
 * Does not: know the work.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** The time of a piece that writes: a tenth of what a claim may wait. */
const PIECE_MS = 10;
const SIZE_MIN = 16;
/**
 * The size of a piece is bounded even if earlier ones were fast: the next one may meet a slow disk or a busy core. On two
 * cores with six busy processes, 100 records kept the state for up to 213 ms, 50 for 120, 25 for 72, at equal throughput.
 */
const SIZE_MAX = 32;
/** A process that waits for the state tries again within 1.2 ms, so it gets its turn in a rest. */
const REST_MIN_MS = 2;
const REST_MAX_MS = 1_000;

export class Pieces {
  /** How many rows the next piece that writes may change. */
  size = SIZE_MIN;

  /** `restTimes`: each rest is that many times as long as the piece before it. */
  constructor(private readonly restTimes: number) {}

  async piece<T>(act: () => T | Promise<T>): Promise<T> {
    const from = performance.now();
    const done = await act();
    await this.#rest(performance.now() - from);
    return done;
  }

  /** A piece that writes `size` rows. `size` adapts to the time that pieces take. */
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
