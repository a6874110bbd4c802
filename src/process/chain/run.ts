/** The state that steps and outputs of one file share: the current window, faults with their position, the progress. */
import type { ProcessOptions } from '../../base/config/values/process.js';
import { excerptOf, type Fault, Held } from '../formats/fault.js';
import type { Format, Row } from '../formats/format.js';
import type { Window } from '../formats/window.js';

/** The target of a record: a step or an output. */
export interface Node {
  /** `from`: the steps of the module that emitted the record. */
  take(row: Row, from?: Frame): void;
}

/** A running step of the module, and the step that sent it its record. */
export interface Frame {
  readonly name: string;
  readonly node: Node | undefined;
  readonly up: Frame | undefined;
}

export class Run {
  window: Window | undefined;
  /** The current record. */
  current: Row | undefined;
  /** The promises of steps that are awaited. */
  pending = 0;
  /** The first failure. It is kept because a module may catch what is thrown through it. */
  failure: unknown;
  /** The file was read, and its last line has no end. */
  endsOpen = false;
  /** The file has its report. */
  isOver = false;
  /** Why the first record was rejected. */
  firstRejected: string | undefined;
  #woken: (() => void) | undefined;

  constructor(
    /** The name as sentences show it. */
    readonly name: string,
    readonly format: Format,
    readonly options: ProcessOptions,
  ) {}

  /** A fault of a record, with its position in the input. A record that a module made has the position of its origin. */
  heldAt(code: Fault['code'], what: string, row: Row | undefined = this.current, column?: number): Held {
    const place = row?.window === undefined ? this.current : row;
    const { window } = this;
    if (window === undefined || place === undefined || place.window !== window.bytes)
      return new Held({ code, reason: `${this.name}: ${what}` });
    const excerpt = excerptOf(place.window.subarray(place.start, place.end), this.options.encoding);
    return window.fault(code, place.start, what, { excerpt, ...(column === undefined ? {} : { column }) });
  }

  /** The record goes on to `to`. Without one, the file is held. */
  refuse(row: Row, what: string, to: Node | undefined, from: Frame | undefined, column?: number): void {
    if (to === undefined) throw this.heldAt('record_invalid', what, row, column);
    this.firstRejected ??= this.heldAt('record_invalid', what, row).message;
    to.take(row, from);
  }

  fail(error: unknown): void {
    this.failure ??= error;
    this.#woken?.();
  }

  /** Holds the file, also where the module catches the error. After the file's end nothing is left to hold, so the process ends. */
  misused(what: string, row: Row | undefined): Held {
    const error = this.heldAt('process_failed', what, row);
    if (!this.isOver) this.fail(error);
    else
      queueMicrotask(() => {
        throw error;
      });
    return error;
  }

  started(): void {
    this.pending++;
  }

  ended(): void {
    if (--this.pending === 0) this.#woken?.();
  }

  /** Resolves when no step awaits anything. */
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
