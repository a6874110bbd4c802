/**
 * The pending paths: paths at which something else may be than what was delivered. Their events are computed when the
 * consumer takes them, from the current state of the disk. An event counts as delivered when the next one is requested.
 * Guarantees: at most `max` paths, plus those that are outstanding and the other names of a file. One event is
 * outstanding at a time, and both halves of a rename are delivered together. On close, every caller that waits for
 * room, for an event or for quiet is answered.
 */
import type { ByteName } from '../../linux/names.js';
import { merged } from '../backend/hints.js';
import type { Hint } from '../backend/types.js';
import type { WatchEvent } from '../options/types.js';

export type EventCause = WatchEvent['cause'];

export interface PendingPath {
  path: ByteName;
  by: Hint;
  cause: EventCause;
  /** The inode of the file that was seen there. */
  ino?: number;
}

export interface Step {
  path: ByteName;
  event: WatchEvent;
  /** The consumer is about to get the event. */
  handedOut?(): void;
  /** The consumer has the event. Absent in the first half of a rename; the second half delivers both. */
  delivered?(): void;
  /** True: a consumer that has this event has the current state. */
  isCurrent?(): boolean;
}

/** A root with pending paths. */
export interface PendingRoot {
  /**
   * Returns the next events of the path. `isLast`: no more are needed after them. 'later': not possible now; the root
   * calls `wake` when it is.
   */
  next(pending: PendingPath): { steps: readonly Step[]; isLast: boolean } | 'later';
  /** The delivery of these events could not be stored. */
  failed(error: unknown, steps: readonly Step[]): void;
}

interface Item {
  of: PendingRoot;
  pending: PendingPath;
}

interface Outstanding {
  of: PendingRoot;
  steps: readonly Step[];
  taken: number;
  isLeft?: true;
}

export class PendingPaths {
  closed = false;
  /** Counts every path added or finished, and every delivery. */
  changes = 0;
  readonly #items = new Map<string, Item>();
  /** The path at which a file was seen last, by its inode. */
  readonly #seen = new Map<number, Item>();
  readonly #takers: ((event: WatchEvent | undefined) => void)[] = [];
  readonly #roomWanted = new Set<() => void>();
  readonly #quietWanted: (() => void)[] = [];
  #outstanding: Outstanding | undefined;

  constructor(
    private readonly max: number,
    /** Called when an event waits for a listener. */
    private readonly offered: () => void,
  ) {}

  get full(): boolean {
    return this.#items.size >= this.max;
  }

  add(key: string, of: PendingRoot, pending: PendingPath): void {
    if (this.closed) return;
    this.changes += 1;
    const by = merged(this.#items.get(key)?.pending.by, pending.by);
    const item = this.#items.get(key) ?? { of, pending };
    if (pending.ino !== undefined) this.#forgetSeen(item);
    this.#items.set(key, Object.assign(item, { pending: { ...item.pending, ...pending, by } }));
    if (pending.ino !== undefined) this.#seen.set(pending.ino, item);
  }

  get(key: string): PendingPath | undefined {
    return this.#items.get(key)?.pending;
  }

  /** A pending path of this root at which this inode was seen. */
  seenAt(of: PendingRoot, ino: number): ByteName | undefined {
    const item = this.#seen.get(ino);
    return item?.of === of ? item.pending.path : undefined;
  }

  /** To be called after paths were added, or when a root can continue. */
  wake(): void {
    while (this.#takers.length > 0 && !this.closed) {
      const event = this.takeNow();
      if (event === undefined) return;
      this.#takers.shift()!(event);
    }
    if (this.#items.size > 0) this.offered();
  }

  /** The next event, as soon as there is one; undefined on close. Taking it marks the one before as delivered. */
  take(): Promise<WatchEvent | undefined> {
    const event = this.takeNow();
    if (event !== undefined || this.closed) return Promise.resolve(event);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  takeNow(): WatchEvent | undefined {
    if (this.closed) return undefined;
    const { steps, taken } = this.#outstanding ?? { steps: NOTHING, taken: 0 };
    if (taken < steps.length) return this.#give();
    this.deliver();
    const event = this.#nextEvent();
    this.#resolveQuiet();
    return event;
  }

  /** The consumer is done with the events that it has taken. */
  deliver(): void {
    const outstanding = this.#outstanding;
    if (outstanding === undefined || outstanding.taken < outstanding.steps.length || this.closed) return;
    this.#outstanding = undefined;
    this.changes += 1;
    this.#note(outstanding, outstanding.steps.at(-1)!.delivered);
    this.#resolveQuiet();
  }

  /** The consumer will not ask for the next event. Its last event counts as delivered when somebody else asks. */
  leave(): void {
    if (this.#outstanding !== undefined) this.#outstanding.isLeft = true;
    this.#resolveQuiet();
  }

  #nextEvent(): WatchEvent | undefined {
    const later = new Set<PendingRoot>();
    for (const [key, item] of this.#items) {
      const { of, pending } = item;
      if (later.has(of)) continue;
      const next = of.next(pending);
      if (next === 'later') later.add(of);
      else if (next.isLast) this.#remove(key, item);
      if (next === 'later' || next.steps.length === 0) continue;
      this.#outstanding = { of, steps: next.steps, taken: 0 };
      return this.#give();
    }
    return undefined;
  }

  #give(): WatchEvent | undefined {
    const outstanding = this.#outstanding!;
    const step = outstanding.steps[outstanding.taken++]!;
    return this.#note(outstanding, step.handedOut) ? step.event : undefined;
  }

  #note({ of, steps }: { of: PendingRoot; steps: readonly Step[] }, note: (() => void) | undefined): boolean {
    try {
      note?.();
      return true;
    } catch (error) {
      this.#outstanding = undefined;
      of.failed(error, steps);
      return false;
    }
  }

  /**
   * Resolves with true when half of the paths are done, or on close; with false if that takes longer than `patienceMs`.
   */
  room(patienceMs?: number): Promise<boolean> {
    this.wake();
    if (!this.full || this.closed) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = patienceMs === undefined ? undefined : setTimeout(() => end(false), patienceMs);
      const end = (answer = true): void => {
        clearTimeout(timer);
        this.#roomWanted.delete(end);
        resolve(answer);
      };
      this.#roomWanted.add(end);
    });
  }

  /**
   * Nothing is pending, and the consumer has finished its last event, or has left with an event that is still current.
   */
  get quiet(): boolean {
    return (
      this.closed ||
      (this.#items.size === 0 && (this.#outstanding === undefined || this.#isLeftAsItIs(this.#outstanding)))
    );
  }

  #isLeftAsItIs({ steps, taken, isLeft }: Outstanding): boolean {
    return isLeft === true && taken === steps.length && steps.at(-1)!.isCurrent?.() !== false;
  }

  untilQuiet(): Promise<void> {
    if (this.quiet) return Promise.resolve();
    return new Promise((resolve) => this.#quietWanted.push(resolve));
  }

  /** No more events for this root. */
  forget(of: PendingRoot): void {
    for (const [key, item] of this.#items) if (item.of === of) this.#remove(key, item);
  }

  /** Safe to call twice. */
  close(): void {
    this.closed = true;
    this.#items.clear();
    this.#seen.clear();
    this.#outstanding = undefined;
    for (const taker of this.#takers.splice(0)) taker(undefined);
    this.#resolveQuiet();
    this.#resolveRoom();
  }

  #resolveQuiet(): void {
    if (this.quiet) for (const resolve of this.#quietWanted.splice(0)) resolve();
  }

  #resolveRoom(): void {
    for (const wanted of [...this.#roomWanted]) wanted();
  }

  #remove(key: string, item: Item): void {
    this.#items.delete(key);
    this.changes += 1;
    this.#forgetSeen(item);
    // Not at each free slot, because the waiting caller has to close and reopen directories each time.
    if (this.#items.size <= this.max / 2) this.#resolveRoom();
  }

  #forgetSeen(item: Item): void {
    const { ino } = item.pending;
    if (ino !== undefined && this.#seen.get(ino) === item) this.#seen.delete(ino);
  }
}

const NOTHING: readonly Step[] = [];
