/**
 * The rate limit: how fast all workers of a state together may read and copy. Each piece of bytes gets a start time on
 * one shared timeline, which is kept in the state's lock file. There are no bursts: idle time is not made up for.
 * Guarantees: over any time, at most the bound and one piece. A drain waits for nothing (work already started then
 * finishes at full speed). A process that is stopped while it uses the file blocks nobody.
 * Does not: limit work that does not ask (manifest lines, renames, a rebuild, an audit).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { bootMs, clockEpoch, openLockFile, type SharedLockFile } from '../linux/index.js';

const RECORD_BYTES = 128;
/** The lock is kept for microseconds. */
const LOCK_RETRY_MS = 1;
const LOCK_TRIES = 100;
/** A process that could not get the lock tries again after this time, and until then counts alone. */
const ALONE_MS = 5_000;

/**
 * The longest wait, in bytes. A longer timeline was left by a dead process with another limit. It is one piece for each
 * of 256 processes.
 */
const AHEAD_BYTES_MAX = 256 << 20;
/** Node fires a timer of more than this at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

interface Record {
  boot: string;
  /** Boot-clock ms at which the next piece may start. */
  freeAtMs: number;
}

/** A reader or copier waits here before each piece. If it throws, their work ends. */
export type Throttle = Pick<RateLimit, 'take'>;

export class RateLimit {
  readonly #file: SharedLockFile;
  readonly #boot = clockEpoch();
  /** The timeline as this process knows it, for when the file cannot be read. */
  #freeAtMs = 0;
  #aloneUntilMs = 0;

  /** `drain`: aborted when the process is about to end. */
  constructor(
    readonly spot: { path: string; at: number; lock: number },
    readonly bytesPerSecond: number,
    readonly drain: AbortSignal,
  ) {
    this.#file = openLockFile(spot.path);
  }

  /** Resolves when this many bytes may be read or copied. */
  async take(bytes: number): Promise<void> {
    if (this.drain.aborted) return;
    const lastsMs = this.#lastsMs(bytes);
    const waitMs = (await this.#turn(lastsMs)) - bootMs();
    if (waitMs <= 0) return;
    await delay(Math.min(waitMs, TIMER_MS_MAX), undefined, { signal: this.drain }).catch(() => undefined);
    // The slot is given back, so that later pieces need not wait for it.
    if (this.drain.aborted) await this.#turn(-lastsMs);
  }

  #lastsMs(bytes: number): number {
    return (bytes / this.bytesPerSecond) * 1_000;
  }

  close(): void {
    this.#file.close();
  }

  /** Returns the boot-clock ms at which the piece may start. */
  async #turn(lastsMs: number): Promise<number> {
    for (let tries = 0; tries < LOCK_TRIES && bootMs() >= this.#aloneUntilMs; tries++) {
      if (this.#file.tryLockExclusive(this.spot.lock)) {
        try {
          return this.#next(this.#read(), lastsMs, true);
        } finally {
          this.#file.unlock(this.spot.lock);
        }
      }
      await delay(LOCK_RETRY_MS);
    }
    if (bootMs() >= this.#aloneUntilMs) this.#aloneUntilMs = bootMs() + ALONE_MS;
    return this.#next(this.#freeAtMs, lastsMs, false);
  }

  #next(freeAtMs: number, lastsMs: number, shared: boolean): number {
    const now = bootMs();
    const at = Math.max(now, Math.min(freeAtMs, now + this.#lastsMs(AHEAD_BYTES_MAX)));
    this.#freeAtMs = at + lastsMs;
    const record: Record = { boot: this.#boot, freeAtMs: this.#freeAtMs };
    if (shared) this.#file.write(this.spot.at, Buffer.from(JSON.stringify(record).padEnd(RECORD_BYTES)));
    return at;
  }

  /** Returns 0 (now) if the record is of another clock, or was never written. */
  #read(): number {
    const text = this.#file.read(this.spot.at, RECORD_BYTES).toString();
    if (!text.endsWith(' ')) return 0;
    const { boot, freeAtMs } = JSON.parse(text) as Record;
    return boot === this.#boot ? freeAtMs : 0;
  }
}
