/**
 * The owners file: who lives, since when, and what it has in hand.
 * Each owner holds an open-file-description lock on the byte LOCKS_AT + its id, and another one that it moves on with each
 * beat: an idle owner writes nothing, so that its disk may sleep. What it has in hand stands in its slot.
 * Guarantees: an owner is dead when its lock is free, and never for another reason; ids come from a counter in the
 * database and are never reused; a slot is given to a new owner only when the lock of the one in it is free.
 * Does not: touch the database. A process that is stopped inside a transaction would stop everybody's beats.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Host, LockFile, OwnerId, OwnerSlot } from './backend.js';
import { isFull } from './errors.js';
import { HeartbeatLocks } from './heartbeat-locks.js';
import { limits } from './limits.js';
import { type Hand, handsOf, headOf, hungText, slotText } from './slot-text.js';

/** Far behind the slots; locks need no bytes below them. */
const LOCKS_AT = 2 ** 40;
const HEARTBEATS_AT = 2 ** 48;
/** The same of parents, for each owner that they look after. */
const PARENTS_AT = 2 ** 52;
/** Locked by who brings the state up to date: before any owner's. */
export const MIGRATION_AT = LOCKS_AT - 1;

/** Where in that file a caller may keep a few bytes of its own that all processes share, and which byte it may lock for them. */
export const SPARE = { at: limits.ownersMax * limits.ownerSlotBytes, lock: MIGRATION_AT - 1 } as const;
/** After that: which version of the database the last owner left (`leave`). */
const LEFT_AT = SPARE.at + limits.ownerSlotBytes;
const LEFT_BYTES = 256;
/** After that: what the threads of each owner have in hand. */
const HANDS_AT = LEFT_AT + limits.ownerSlotBytes;
const HANDS_BYTES = limits.handsMax * limits.handBytes;
/** Shared by all who are in the state. */
const ENTRY = SPARE.lock - 1;
const ENTRY_RETRY_MS = 2;
/** The version of a database that is being made. */
const NOTHING_YET = 'none none';

export class Owners {
  readonly #file: LockFile;
  #mine: OwnerSlot | undefined;
  /** The length of the head that stands in the slot. */
  #headBytes = 0;
  readonly #heartbeats: HeartbeatLocks;
  readonly #parents: HeartbeatLocks;

  constructor(
    host: Host,
    readonly path: string,
  ) {
    this.#file = host.openLockFile(path);
    this.#heartbeats = new HeartbeatLocks(this.#file, HEARTBEATS_AT);
    this.#parents = new HeartbeatLocks(this.#file, PARENTS_AT);
  }

  /** False when the slot of this id belongs to somebody who lives: take the next id. */
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
    this.clearHands();
    this.#heartbeats.set(id, nowMs);
    return true;
  }

  /** The kernel does not report a lock to its own holder, so this process answers for itself. */
  isAlive(id: OwnerId): boolean {
    return id === this.#mine?.owner || this.#file.isLocked(LOCKS_AT + id);
  }

  /** A beat, or what is in hand where that has changed. */
  beat(inHand: { job: string | null; place: string }, nowMs: number): void {
    const mine = this.#mine;
    if (!mine) return;
    const isSame = mine.job === inHand.job && mine.place === inHand.place;
    if (mine.place !== inHand.place) mine.placeSinceMs = nowMs;
    if (isSame) {
      this.#heartbeats.set(mine.owner, nowMs);
      return;
    }
    mine.job = inHand.job;
    mine.place = inHand.place;
    const head = Buffer.from(headOf(mine));
    // Once or twice a job: the part that changes costs a quarter of the whole slot.
    if (head.length === this.#headBytes) this.#file.write(slotAt(mine.owner), head);
    else this.#write(mine);
  }

  /** Where the `n`th thread of this owner writes the `handText` of its job; it opens the file by itself. */
  handSpot(n: number): { path: string; at: number } {
    return { path: this.path, at: handsAt(this.#mine!.owner) + n * limits.handBytes };
  }

  /** No thread of this owner has anything in hand. */
  clearHands(): void {
    this.#file.write(handsAt(this.#mine!.owner), Buffer.alloc(HANDS_BYTES));
  }

  /** The `n`th thread hangs; without a hand, it does so no more, and has nothing in hand. */
  noteHung(n: number, hand?: Required<Hand>): void {
    const text = Buffer.alloc(limits.handBytes);
    if (hand) text.write(hungText(hand), 'latin1');
    this.#file.write(this.handSpot(n).at, text);
  }

  /** A parent looks after its child `id` at this moment; without a moment it does so no more. */
  attend(id: OwnerId, nowMs?: number): void {
    this.#parents.set(id, nowMs);
  }

  /** The boot clock's ms at which its parent looked after it last; 0 where it has none. */
  attendedAt(id: OwnerId): number {
    return this.#parents.of(id);
  }

  /** Of a parent, directly before it kills: that death is no fault of the job in hand, where a place is in hand too. */
  noteStall(id: OwnerId): void {
    const slot = this.slot(id);
    if (slot?.owner === id) this.#write({ ...slot, stalled: true });
  }

  /** What stands in the slot of `id`; it may be another owner's by now. Undefined when it was never written. */
  slot(id: OwnerId): OwnerSlot | undefined {
    // A read beside a write may be torn; it is whole a moment later. Nobody writes into a dead owner's slot.
    for (let tries = 0; tries < 3; tries++) {
      const raw = this.#file.read(slotAt(id), limits.ownerSlotBytes);
      const end = raw.indexOf(0);
      if (end === 0 || raw.length === 0) return undefined;
      try {
        const slot = JSON.parse(raw.toString('utf8', 0, end < 0 ? raw.length : end)) as OwnerSlot;
        return {
          ...slot,
          beat: this.#heartbeats.of(slot.owner),
          threads: handsOf(this.#file.read(handsAt(id), HANDS_BYTES)),
        };
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }
    return undefined;
  }

  /**
   * Comes into the state; who lives in it holds a byte together with all others. Who finds it free looks first whether the
   * database is as the last owner left it, and answers true where it is not: then others wait until `entered`.
   */
  async enter(version: () => string): Promise<boolean> {
    while (!this.#file.tryLockExclusive(ENTRY)) {
      if (this.#file.tryLockShared(ENTRY)) return false;
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
   * After the database is closed: the last one to leave notes which version of it that is. Whatever writes to it later, an owner
   * that dies included, makes it another one.
   */
  leave(version: () => string): void {
    this.#file.unlock(ENTRY); // of two that leave at once, the later one finds nobody
    if (!this.#file.tryLockExclusive(ENTRY)) return;
    try {
      this.#file.write(LEFT_AT, Buffer.from(version().padEnd(LEFT_BYTES)));
    } catch (error) {
      // Without the note the next start reads the state once more than it had to.
      if (!isFull(error)) throw error;
    }
  }

  /** Frees the lock: from here on this owner is dead to all. */
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
const handsAt = (id: OwnerId): number => HANDS_AT + (id % limits.ownersMax) * HANDS_BYTES;
