/**
 * Heartbeats stored as byte locks. Each owner has one locked byte, whose position is the boot-clock ms of a heartbeat.
 * Any process can read the time from the lock; nothing is written, and the heartbeat disappears with its process.
 * Used for the heartbeats of owners, and for those of parents that check their children.
 */
import type { LockFile, OwnerId } from './backend.js';
import { limits } from './limits.js';

/** Room for 34 years. */
const SPAN_MS = 2 ** 40;

export class HeartbeatLocks {
  readonly #locked = new Map<OwnerId, number>();

  /** `base`: the first byte of `limits.ownersMax` ranges of 2 ** 40 bytes. */
  constructor(
    private readonly file: LockFile,
    private readonly base: number,
  ) {}

  /** Sets the heartbeat; without `nowMs` it is removed. */
  set(id: OwnerId, nowMs?: number): void {
    const before = this.#locked.get(id);
    const now = nowMs === undefined ? undefined : Math.floor(nowMs) % SPAN_MS;
    if (now === before) return;
    if (now === undefined) this.#locked.delete(id);
    else if (this.file.tryLockExclusive(this.#first(id) + now)) this.#locked.set(id, now);
    if (before !== undefined) this.file.unlock(this.#first(id) + before);
  }

  /**
   * The time of the last heartbeat; 0 if there is none. The kernel does not report a lock to its own holder, so this
   * process uses its own value.
   */
  of(id: OwnerId): number {
    const first = this.#first(id);
    return this.#locked.get(id) ?? (this.file.firstLocked(first, SPAN_MS) ?? first) - first;
  }

  #first = (id: OwnerId): number => this.base + (id % limits.ownersMax) * SPAN_MS;
}
