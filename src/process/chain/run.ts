/** What the steps and outputs of one file share: the window that is read, faults with their place, how far it is. */
import type { ProcessOptions } from '../../base/config/values/process.js';
import { excerptOf, type Fault, Held } from '../formats/fault.js';
import type { Format } from '../formats/format.js';
import type { Row } from '../formats/row.js';
import type { Window } from '../formats/window.js';

/** Where a record goes: a step or an output. */
export interface Node {
  /** `from`: which steps of the module emitted it. */
  take(row: Row, from?: Frame): void;
}

/** A step of the module at work, and which one gave it its record. */
export interface Frame {
  readonly name: string;
  readonly node: Node | undefined;
  readonly up: Frame | undefined;
}

export class Run {
  window: Window | undefined;
  /** The record that is on its way. */
  current: Row | undefined;
  /** Steps whose promise is awaited. */
  pending = 0;
  /** The first thing that failed. A module may catch what is thrown through it, so it is kept. */
  failure: unknown;
  /** Why the first record was rejected. */
  firstRejected: string | undefined;
  #woken: (() => void) | undefined;

  constructor(
    /** As sentences show it. */
    readonly name: string,
    readonly format: Format,
    readonly options: ProcessOptions,
  ) {}

  /** A record that does not pass, at its place in the input; a record that a module made has that of the one it came from. */
  heldAt(code: Fault['code'], what: string, row: Row | undefined = this.current, column?: number): Held {
    const place = row?.window === undefined ? this.current : row;
    const { window } = this;
    if (window === undefined || place === undefined || place.window !== window.bytes)
      return new Held({ code, reason: `${this.name}: ${what}` });
    const excerpt = excerptOf(place.window.subarray(place.start, place.end));
    return window.fault(code, place.start, what, { excerpt, ...(column === undefined ? {} : { column }) });
  }

  fail(error: unknown): void {
    this.failure ??= error;
    this.#woken?.();
  }

  started(): void {
    this.pending++;
  }

  ended(): void {
    if (--this.pending === 0) this.#woken?.();
  }

  /** Until no step awaits anything. */
  async idle(): Promise<void> {
    while (this.pending > 0 && this.failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#woken = resolve;
      });
    }
    this.#woken = undefined;
    if (this.failure !== undefined) throw this.failure;
  }
}
