/**
 * The owners file: who lives, since when, and what it has in hand.
 * Each owner holds an open-file-description lock on the byte LOCKS_AT + its id and writes its beat into its slot.
 * Guarantees: an owner is dead when its lock is free, and never for another reason; ids come from a counter in the
 * database and are never reused; a slot is given to a new owner only when the lock of the one in it is free.
 * Does not: touch the database. A process that is stopped inside a transaction would stop everybody's beats.
 */
import type { Host, LockFile, OwnerId, OwnerSlot } from './backend.js';
import { limits } from './limits.js';

/** Far behind the slots; locks need no bytes below them. */
const LOCKS_AT = 2 ** 40;
const TITLE_CHARS = 80;
const PLACE_CHARS = 160;

export class Owners {
  readonly #file: LockFile;
  #mine: OwnerSlot | undefined;
  /** Of what stands in the slot. */
  #headChars = 0;

  constructor(
    host: Host,
    readonly path: string,
  ) {
    this.#file = host.openLockFile(path);
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
      beatMs: nowMs,
      job: null,
      place: '',
      placeSinceMs: nowMs,
    };
    this.#write(this.#mine);
    return true;
  }

  /** The kernel does not report a lock to its own holder, so this process answers for itself. */
  isAlive(id: OwnerId): boolean {
    return id === this.#mine?.owner || this.#file.isLocked(LOCKS_AT + id);
  }

  beat(inHand: { job: string | null; place: string }, nowMs: number): void {
    const mine = this.#mine;
    if (!mine) return;
    const elsewhere = mine.place !== inHand.place;
    if (elsewhere) mine.placeSinceMs = nowMs;
    mine.beatMs = nowMs;
    mine.job = inHand.job;
    mine.place = inHand.place;
    if (elsewhere || !this.#writeHead(mine)) this.#write(mine);
  }

  /** What stands in the slot of `id`; it may be another owner's by now. Undefined when it was never written. */
  slot(id: OwnerId): OwnerSlot | undefined {
    // A read beside a write may be torn; it is whole a moment later. Nobody writes into a dead owner's slot.
    for (let tries = 0; tries < 3; tries++) {
      const raw = this.#file.read(slotAt(id), limits.ownerSlotBytes);
      const end = raw.indexOf(0);
      if (end === 0 || raw.length === 0) return undefined;
      try {
        return JSON.parse(raw.toString('utf8', 0, end < 0 ? raw.length : end)) as OwnerSlot;
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }
    return undefined;
  }

  /** Frees the lock: from here on this owner is dead to all. */
  close(): void {
    this.#mine = undefined;
    this.#file.close();
  }

  /** What changes with each job, at its fixed place in the slot: a quarter of the cost of the whole. False: it does not fit. */
  #writeHead(slot: OwnerSlot): boolean {
    const head = headOf(slot);
    if (head.length !== this.#headChars) return false;
    this.#file.write(slotAt(slot.owner), Buffer.from(head, 'latin1'));
    return true;
  }

  #write(slot: OwnerSlot): void {
    const bytes = Buffer.alloc(limits.ownerSlotBytes);
    const { beatMs: _, job: __, ...rest } = slot;
    const shown = { ...rest, title: slot.title.slice(0, TITLE_CHARS), place: slot.place.slice(0, PLACE_CHARS) };
    let tail = JSON.stringify(shown).slice(1);
    // Non-ASCII titles and places may need more bytes than characters: a shorter place is better than half a slot.
    if (HEAD_CHARS_MAX + Buffer.byteLength(tail) >= bytes.length)
      tail = JSON.stringify({ ...shown, title: shown.title.slice(0, 20), place: shown.place.slice(0, 40) }).slice(1);
    const head = headOf(slot);
    this.#headChars = head.length;
    bytes.write(head + tail);
    this.#file.write(slotAt(slot.owner), bytes);
  }
}

/** JSON allows blanks between its parts: numbers and ids of any usual length end at the same byte. */
const headOf = ({ beatMs, job }: OwnerSlot): string =>
  `{"beatMs":${String(beatMs).padEnd(20)},"job":${JSON.stringify(job).padEnd(28)},`;
/** More than any head has. */
const HEAD_CHARS_MAX = 80;

const slotAt = (id: OwnerId): number => (id % limits.ownersMax) * limits.ownerSlotBytes;
