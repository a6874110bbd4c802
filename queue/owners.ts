/**
 * The owners file: which owners live, since when, and on which jobs they work. Each owner locks the byte LOCKS_AT + its
 * id (an open-file-description lock), and another byte that moves with each heartbeat. So an idle owner writes nothing,
 * and its disk may sleep. Its slot names its job in progress.
 * Guarantees: an owner is dead if its lock is free, and for no other reason. Ids come from a counter in the database
 * and are never reused. A slot is given to a new owner only if the lock of its old owner is free.
 * Does not: use the database. A process that is stopped inside a transaction would stop everybody's heartbeats.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Host, LockFile, OwnerId, OwnerSlot } from './backend.js';
import { isFull } from './errors.js';
import { HeartbeatLocks } from './heartbeat-locks.js';
import { limits } from './limits.js';
import { hangText, headOf, slotText, type ThreadJob, threadJobsOf } from './slot-text.js';

/** Far after the slots. A locked byte need not exist in the file. */
const LOCKS_AT = 2 ** 40;
const HEARTBEATS_AT = 2 ** 48;
/** The heartbeats of parents, one for each child. */
const PARENTS_AT = 2 ** 52;
/** Locked by a process that migrates the state, before it locks anything of an owner. */
export const MIGRATION_AT = LOCKS_AT - 1;

/**
 * The offset of a few bytes that callers may use to share data between all processes, and the byte to lock for them.
 */
export const SPARE = { at: limits.ownersMax * limits.ownerSlotBytes, lock: MIGRATION_AT - 1 } as const;
/** Then follows the version of the database that the last owner left (`leave`). */
const LEFT_AT = SPARE.at + limits.ownerSlotBytes;
const LEFT_BYTES = 256;
/** Then follow the jobs in progress of each owner's threads. */
const THREADS_AT = LEFT_AT + limits.ownerSlotBytes;
const THREADS_BYTES = limits.threadsMax * limits.threadSlotBytes;
/** All processes that use the state lock this byte together. */
const ENTRY = SPARE.lock - 1;
const ENTRY_RETRY_MS = 2;
const ENTRY_LONG_MS = 500;
/** The version of a database that is being created. */
const NOTHING_YET = 'none none';

export class Owners {
  readonly #file: LockFile;
  #mine: OwnerSlot | undefined;
  /** The length of the head in the slot. */
  #headBytes = 0;
  readonly #heartbeats: HeartbeatLocks;
  readonly #parents: HeartbeatLocks;

  constructor(
    host: Host,
    readonly path: string,
    how: { forReading?: boolean } = {},
  ) {
    this.#file = host.openLockFile(path, how);
    this.#heartbeats = new HeartbeatLocks(this.#file, HEARTBEATS_AT);
    this.#parents = new HeartbeatLocks(this.#file, PARENTS_AT);
  }

  /** False if the slot of this id belongs to a living owner: try the next id. */
  tryBecome(id: OwnerId, title: string, nowMs: number): boolean {
    const before = this.slot(id);
    if (before && before.owner !== id && this.isAlive(before.owner)) return false;
    if (!this.#file.tryLockExclusive(LOCKS_AT + id)) return false;
    this.#mine = {
      owner: id,
      pid: process.pid,
      title,
      startedMs: nowMs,
      beat: 0,
      job: null,
      place: '',
      placeSinceMs: nowMs,
      threads: [],
    };
    this.#write(this.#mine);
    this.clearThreadSlots();
    this.#heartbeats.set(id, nowMs);
    return true;
  }

  /** The kernel does not report a lock to its own holder, so this process checks its own id. */
  isAlive(id: OwnerId): boolean {
    return id === this.#mine?.owner || this.#file.isLocked(LOCKS_AT + id);
  }

  /** Writes a heartbeat, and the job in progress if that has changed. */
  beat(inProgress: { job: string | null; place: string }, nowMs: number): void {
    const mine = this.#mine;
    if (!mine) return;
    const isSame = mine.job === inProgress.job && mine.place === inProgress.place;
    if (mine.place !== inProgress.place) mine.placeSinceMs = nowMs;
    if (isSame) {
      this.#heartbeats.set(mine.owner, nowMs);
      return;
    }
    mine.job = inProgress.job;
    mine.place = inProgress.place;
    const head = Buffer.from(headOf(mine));
    // Once or twice a job. Writing only the changed part costs a quarter of writing the whole slot.
    if (head.length === this.#headBytes) this.#file.write(slotAt(mine.owner), head);
    else this.#write(mine);
  }

  /**
   * Returns where the `n`th thread of this owner writes the `jobText` of its job. The thread opens the file itself.
   */
  threadSlot(n: number): { path: string; at: number } {
    return { path: this.path, at: threadsAt(this.#mine!.owner) + n * limits.threadSlotBytes };
  }

  /** No thread of this owner has a job in progress. */
  clearThreadSlots(): void {
    this.#file.write(threadsAt(this.#mine!.owner), Buffer.alloc(THREADS_BYTES));
  }

  /** Records that the `n`th thread hangs; without `threadJob`, that it no longer hangs and has no job. */
  noteThreadHang(n: number, threadJob?: Required<ThreadJob>): void {
    const text = Buffer.alloc(limits.threadSlotBytes);
    if (threadJob) text.write(hangText(threadJob), 'latin1');
    this.#file.write(this.threadSlot(n).at, text);
  }

  /** A parent records that it checked its child `id` at this time; without `nowMs` the record is removed. */
  attend(id: OwnerId, nowMs?: number): void {
    this.#parents.set(id, nowMs);
  }

  /** Boot-clock ms of the last check by its parent; 0 if it has none. */
  attendedAt(id: OwnerId): number {
    return this.#parents.of(id);
  }

  /**
   * Called by a parent directly before it kills the owner. Then, if the owner was in a place, its job is not blamed for
   * the death.
   */
  noteStall(id: OwnerId): void {
    const slot = this.slot(id);
    if (slot?.owner === id) this.#write({ ...slot, stalled: true });
  }

  /** The content of the slot of `id`, which may be of another owner by now. Undefined if it was never written. */
  slot(id: OwnerId): OwnerSlot | undefined {
    // A read during a write may be torn; it is whole a moment later. Nobody writes into the slot of a dead owner.
    for (let tries = 0; tries < 3; tries++) {
      const raw = this.#file.read(slotAt(id), limits.ownerSlotBytes);
      const end = raw.indexOf(0);
      if (end === 0 || raw.length === 0) return undefined;
      try {
        const slot = JSON.parse(raw.toString('utf8', 0, end < 0 ? raw.length : end)) as OwnerSlot;
        return {
          ...slot,
          beat: this.#heartbeats.of(slot.owner),
          threads: threadJobsOf(this.#file.read(threadsAt(id), THREADS_BYTES)),
        };
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }
    return undefined;
  }

  /**
   * Enters the state. All processes in a state share one locked byte. The first one, which finds it free, compares the
   * database with the version that the last owner left. Returns true if they differ; then other processes wait until
   * `entered`. `onLongWait` is called once when that takes long, which only a migration does.
   */
  async enter(version: () => string, onLongWait: () => void = () => {}): Promise<boolean> {
    let longFrom = performance.now() + ENTRY_LONG_MS;
    while (!this.#file.tryLockExclusive(ENTRY)) {
      if (this.#file.tryLockShared(ENTRY)) return false;
      if (performance.now() >= longFrom) {
        longFrom = Number.POSITIVE_INFINITY;
        onLongWait();
      }
      await delay(ENTRY_RETRY_MS);
    }
    const found = version();
    const isUnclean = found !== NOTHING_YET && found !== this.#file.read(LEFT_AT, LEFT_BYTES).toString().trimEnd();
    if (!isUnclean) this.entered();
    return isUnclean;
  }

  entered(): void {
    this.#file.tryLockShared(ENTRY);
  }

  /**
   * Called after the database is closed. The last process to leave records the version of the database. Any later write
   * changes that version, even one of an owner that dies.
   */
  leave(version: () => string): void {
    this.#file.unlock(ENTRY); // if two leave at once, the second one finds nobody
    if (!this.#file.tryLockExclusive(ENTRY)) return;
    try {
      this.#file.write(LEFT_AT, Buffer.from(version().padEnd(LEFT_BYTES)));
    } catch (error) {
      // Without the record, the next start only checks the state when it need not.
      if (!isFull(error)) throw error;
    }
  }

  /** Frees the lock: from now on this owner counts as dead. */
  close(): void {
    this.#mine = undefined;
    this.#file.close();
  }

  #write(slot: OwnerSlot): void {
    const bytes = Buffer.alloc(limits.ownerSlotBytes);
    const { head, tail } = slotText(slot, bytes.length);
    this.#headBytes = Buffer.byteLength(head);
    bytes.write(head + tail);
    this.#file.write(slotAt(slot.owner), bytes);
  }
}

const slotAt = (id: OwnerId): number => (id % limits.ownersMax) * limits.ownerSlotBytes;
const threadsAt = (id: OwnerId): number => THREADS_AT + (id % limits.ownersMax) * THREADS_BYTES;
