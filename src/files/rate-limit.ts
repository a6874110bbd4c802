/**
 * How fast the workers of a state read and copy, all of them together: each piece takes its turn on one line of time, kept in
 * the state's file of locks. There is no burst: an idle second is not made up for.
 * Guarantees: over any time not more than the bound and one piece; a drain is waited for by nobody (from then on what has
 * begun is brought to its end as fast as it goes); a process that is stopped while it looks at the file keeps nobody.
 * Does not: bound what it is not asked for (lines, renames, a rebuild, an audit).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { bootId, bootMs, openLockFile, type SharedLockFile } from '../linux/index.js';

const RECORD_BYTES = 96;
/** The lock is held for microseconds. */
const LOCK_RETRY_MS = 1;
const LOCK_TRIES = 100;
/** Who found it kept asks again after this. */
const ALONE_MS = 5_000;

/** More is never waited for at a time: a line that is longer was left by who died, at another pace. A piece of each of 256 processes. */
const AHEAD_BYTES_MAX = 256 << 20;
/** A timer for longer fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

interface Record {
  boot: string;
  /** Boot clock: what comes next begins then. */
  freeAtMs: number;
}

/** What a reader or copier is held back by, piece by piece; a throw ends its work. */
export type Throttle = Pick<RateLimit, 'take'>;

export class RateLimit {
  readonly #file: SharedLockFile;
  readonly #boot = bootId();
  /** As this process knows it, where the file tells nothing. */
  #freeAtMs = 0;
  #aloneUntilMs = 0;

  /** `drain`: aborted when the process is to end. */
  constructor(
    readonly spot: { path: string; at: number; lock: number },
    readonly bytesPerSecond: number,
    readonly drain: AbortSignal,
  ) {
    this.#file = openLockFile(spot.path);
  }

  /** Resolves when so many bytes may be read or copied. */
  async take(bytes: number): Promise<void> {
    if (this.drain.aborted) return;
    const lastsMs = this.#lastsMs(bytes);
    const waitMs = (await this.#turn(lastsMs)) - bootMs();
    if (waitMs <= 0) return;
    await delay(Math.min(waitMs, TIMER_MS_MAX), undefined, { signal: this.drain }).catch(() => undefined);
    // Its turn is given back: those who come next need not wait for it.
    if (this.drain.aborted) await this.#turn(-lastsMs);
  }

  #lastsMs(bytes: number): number {
    return (bytes / this.bytesPerSecond) * 1_000;
  }

  close(): void {
    this.#file.close();
  }

  /** When it begins. */
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

  /** 0 (now) where the record is of another boot, or was never written. */
  #read(): number {
    const text = this.#file.read(this.spot.at, RECORD_BYTES).toString();
    if (!text.endsWith(' ')) return 0;
    const { boot, freeAtMs } = JSON.parse(text) as Record;
    return boot === this.#boot ? freeAtMs : 0;
  }
}
