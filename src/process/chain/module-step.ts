/**
 * Runs one step of the user's module.
 * Guarantees: the step gets records in order, one at a time (or one batch), each after the promise of the one before. A throw
 * holds the file and names the record. A record that returns to a step it is still in is a cycle.
 */
import { Held, NoRoom, WriteError } from '../formats/fault.js';
import type { Row } from '../formats/format.js';
import { blamed, type Emit } from './module.js';
import type { Outputs } from './outputs.js';
import type { Frame, Node, Run } from './run.js';

export const BATCH_MAX = 1_000;

/** The steps and outputs that a module can emit to. */
export interface Surroundings {
  run: Run;
  outputs: Outputs;
  nodes: ReadonlyMap<string, Node>;
  /** The path of the module. Undefined if a test passed the functions themselves. */
  path: string | undefined;
}

interface Waiting {
  row: Row;
  from: Frame | undefined;
}

export class ModuleStep implements Node {
  readonly #waiting: Waiting[] = [];
  #busy = false;
  #emitter: Emitter | undefined;

  constructor(
    private readonly name: string,
    /** Gets one record; if `size` is above 1, an array of up to `size` records. */
    private readonly call: (given: unknown, emit: Emit) => unknown,
    private readonly size: number,
    private readonly around: Surroundings,
  ) {}

  take(row: Row, from?: Frame): void {
    const { run } = this.around;
    if (row.fault !== undefined) throw run.heldAt('record_invalid', row.fault, row);
    for (let frame = from; frame !== undefined; frame = frame.up) {
      if (frame.node !== this) continue;
      throw run.heldAt('process_failed', `the record goes in a circle: ${wayOf(from!)} → ${this.name}`, row);
    }
    this.#waiting.push({ row, from });
    if (!this.#busy && this.#waiting.length >= this.size) this.#work();
  }

  /** Passes on records that wait for a full batch. Returns false if none waited. */
  flush(): boolean {
    if (this.#busy || this.#waiting.length === 0) return false;
    this.#work();
    return true;
  }

  #work(): void {
    const { run } = this.around;
    const taken = this.size === 1 ? [this.#waiting.shift()!] : this.#waiting.splice(0, this.size);
    const rows = taken.map(({ row }) => row);
    const values = rows.map((row) => run.format.value(row));
    const origins = this.size === 1 ? taken[0]!.row : Map.groupBy(rows, (_, at) => values[at]);
    const frame = { name: this.name, node: this, up: taken.at(-1)!.from };
    const emitter = new Emitter(this.around, frame, origins);
    this.#emitter = emitter;
    const first = taken[0]!.row;
    let answer: unknown;
    try {
      answer = this.call(this.size === 1 ? values[0] : values, emitter.emit);
    } catch (error) {
      throw this.#blame(error, first);
    }
    if (!isPromise(answer)) {
      emitter.over = true;
      return;
    }
    this.#busy = true;
    run.started();
    answer.then(
      () => this.#goOn(emitter),
      (error) => run.fail(this.#blame(error, first)),
    );
  }

  #goOn(emitter: Emitter): void {
    const { run } = this.around;
    emitter.over = true;
    this.#busy = false;
    try {
      while (!this.#busy && this.#waiting.length >= this.size) this.#work();
    } catch (error) {
      run.fail(error);
    }
    run.ended();
  }

  /** A fault of the engine that passed through the module stays as it is. Any other error is the module's. */
  #blame(error: unknown, row: Row): unknown {
    const failure = this.#emitter?.failure ?? this.around.run.failure ?? error;
    if (isOwn(failure)) return failure;
    return this.around.run.heldAt(
      'process_failed',
      `step ${this.name} failed: ${blamed(failure, this.around.path)}`,
      row,
    );
  }
}

/** The `emit` function for one call of a step. */
export class Emitter {
  /** Ends the call. A later emit is a misuse. */
  over = false;
  /** The error that the engine threw in an emit. The module may have caught it. */
  failure: unknown;
  /** How often a tag got a value that several records of the batch have. */
  readonly #given = new Map<string, number>();

  constructor(
    private readonly around: Surroundings,
    private readonly frame: Frame,
    /** The record that the call got, or those of a batch by their values. */
    private readonly origins: Row | Map<unknown, Row[]> | undefined,
  ) {}

  readonly emit: Emit = (tag, record) => {
    const { run } = this.around;
    if (run.failure !== undefined) throw run.failure;
    if (this.over) {
      const what = `emit of ${this.frame.name} was called after it had ended; return its promise, or await it`;
      throw run.misused(what, this.origins instanceof Map ? [...this.origins.values()][0]![0] : this.origins);
    }
    try {
      this.#give(tag, record);
    } catch (error) {
      if (isOwn(error)) {
        this.failure ??= error;
        run.failure ??= error;
      }
      throw error;
    }
  };

  #give(tag: string, record: unknown): void {
    const { run, outputs, nodes } = this.around;
    if (typeof tag !== 'string' || /\p{Surrogate}/u.test(tag))
      throw new TypeError(
        `a tag is a string, but emit got ${typeof tag === 'string' ? JSON.stringify(tag) : String(tag)}`,
      );
    const row = run.format.row(record, this.#originOf(tag, record));
    const step = nodes.get(tag);
    if (step !== undefined) step.take(row, this.frame);
    else outputs.of(tag).take(row);
  }

  /** Records of a batch may have equal values (1 and 1.0). A tag gets them in their order. */
  #originOf(tag: string, record: unknown): Row | undefined {
    if (!(this.origins instanceof Map)) return this.origins;
    const rows = this.origins.get(record);
    if (rows === undefined || rows.length === 1) return rows?.[0];
    const key = JSON.stringify([tag, record]);
    const given = this.#given.get(key) ?? 0;
    this.#given.set(key, given + 1);
    return rows[given % rows.length];
  }
}

const isPromise = (answer: unknown): answer is PromiseLike<unknown> =>
  typeof (answer as PromiseLike<unknown> | undefined)?.then === 'function';

/** An error of the engine that came through `emit`, not one of the module. */
export const isOwn = (error: unknown): boolean =>
  error instanceof Held || error instanceof NoRoom || error instanceof WriteError;

const wayOf = (frame: Frame): string => (frame.up === undefined ? frame.name : `${wayOf(frame.up)} → ${frame.name}`);
