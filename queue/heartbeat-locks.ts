/**
 * Moments as locks: of each owner one byte is locked at the ms of the boot clock at which it, or its parent, gave a sign of
 * life. Whoever looks knows when that was, nothing is written, and the sign ends with the process that gave it.
 */
import type { LockFile, OwnerId } from './backend.js';
import { limits } from './limits.js';

/** Room for 34 years. */
const SPAN_MS = 2 ** 40;

export class HeartbeatLocks {
  readonly #locked = new Map<OwnerId, number>();

  /** `base`: the first byte of `limits.ownersMax` times 2 ** 40. */
  constructor(
    private readonly file: LockFile,
    private readonly base: number,
  ) {}

  /** A sign of life; without a moment the one before is taken back. */
  set(id: OwnerId, nowMs?: number): void {
    const before = this.#locked.get(id);
    const now = nowMs === undefined ? undefined : Math.floor(nowMs) % SPAN_MS;
    if (now === before) return;
    if (now === undefined) this.#locked.delete(id);
    else if (this.file.tryLockExclusive(this.#first(id) + now)) this.#locked.set(id, now);
    if (before !== undefined) this.file.unlock(this.#first(id) + before);
  }

  /** The moment of the last sign; 0 where there is none. The kernel reports no lock to its own holder, so this process answers for itself. */
  of(id: OwnerId): number {
    const first = this.#first(id);
    return this.#locked.get(id) ?? (this.file.firstLocked(first, SPAN_MS) ?? first) - first;
  }

  #first = (id: OwnerId): number => this.base + (id % limits.ownersMax) * SPAN_MS;
}
