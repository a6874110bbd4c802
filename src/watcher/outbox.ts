/**
 * Events that were told and that nobody has taken yet.
 * Guarantees: at most `max` of them (a rename's second half may be one more); a later event of a path takes the place
 * of an earlier one, behind all that were told meanwhile; whoever waits for room, for an event or for quiet is answered
 * when it is closed.
 */
import type { WatchEvent } from './types.js';

export interface Told {
  event: WatchEvent;
  /** Of the path, among all roots. */
  key: string;
  /** The consumer is done with it. */
  taken(): void;
}

export class Outbox {
  readonly #waiting = new Map<string, Told>();
  /** The half of a rename that was offered last, and waits. */
  readonly #halves = new Map<string, WatchEvent>();
  readonly #takers: ((told: Told | undefined) => void)[] = [];
  readonly #roomWanted = new Set<() => void>();
  readonly #quietWanted: (() => void)[] = [];
  #inHand = 0;
  #closed = false;

  constructor(
    private readonly max: number,
    /** Something waits to be taken. */
    private readonly offered: () => void,
  ) {}

  get closed(): boolean {
    return this.#closed;
  }

  get full(): boolean {
    return this.#waiting.size >= this.max;
  }

  offer(told: Told): void {
    if (this.#closed) return;
    this.#merge(told.key);
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      this.#inHand += 1;
      taker(told);
      return;
    }
    this.#waiting.set(told.key, told);
    if (told.event.renameId !== undefined) this.#halves.set(told.event.renameId, told.event);
    this.offered();
  }

  /** The next event, at once or when there is one; undefined when it is closed. `done` is to be called with each. */
  take(): Promise<Told | undefined> {
    const told = this.takeNow();
    if (told !== undefined || this.#closed) return Promise.resolve(told);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  takeNow(): Told | undefined {
    const [first] = this.#waiting.values();
    if (first === undefined) return undefined;
    this.#remove(first);
    this.#inHand += 1;
    // Not for each single place: who waits has something to put away and to open again.
    if (this.#waiting.size <= this.max / 2) this.#tellRoom();
    return first;
  }

  /** `processed`: what it says is never told again; else it is, at the next start with the same state. */
  done(told: Told, processed: boolean): void {
    this.#inHand -= 1;
    if (processed) told.taken();
    if (this.quiet) for (const resolve of this.#quietWanted.splice(0)) resolve();
  }

  /** Waits until half of it is taken, or it is closed: true. False: that did not come within `patienceMs`. */
  room(patienceMs?: number): Promise<boolean> {
    if (!this.full || this.#closed) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = patienceMs === undefined ? undefined : setTimeout(() => end(false), patienceMs);
      const end = (answer: boolean): void => {
        clearTimeout(timer);
        this.#roomWanted.delete(hasRoom);
        resolve(answer);
      };
      const hasRoom = (): void => end(true);
      this.#roomWanted.add(hasRoom);
    });
  }

  /** Nothing waits, and whoever took something has come back. */
  get quiet(): boolean {
    return this.#closed || (this.#waiting.size === 0 && this.#inHand === 0);
  }

  untilQuiet(): Promise<void> {
    if (this.quiet) return Promise.resolve();
    return new Promise((resolve) => this.#quietWanted.push(resolve));
  }

  /** Safe to call twice. */
  close(): void {
    this.#closed = true;
    this.#waiting.clear();
    this.#halves.clear();
    for (const taker of this.#takers.splice(0)) taker(undefined);
    for (const resolve of this.#quietWanted.splice(0)) resolve();
    this.#tellRoom();
  }

  #tellRoom(): void {
    for (const wanted of [...this.#roomWanted]) wanted();
  }

  /** Half a rename is none: the other half is told without its id, where it was not taken yet. */
  #merge(key: string): void {
    const earlier = this.#waiting.get(key);
    if (earlier === undefined) return;
    this.#remove(earlier);
    const { renameId } = earlier.event;
    if (renameId === undefined) return;
    delete this.#halves.get(renameId)?.renameId;
    this.#halves.delete(renameId);
  }

  #remove(told: Told): void {
    this.#waiting.delete(told.key);
    const { renameId } = told.event;
    if (renameId !== undefined && this.#halves.get(renameId) === told.event) this.#halves.delete(renameId);
  }
}
