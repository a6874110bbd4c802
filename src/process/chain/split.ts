/**
 * The step `split`: the value of a column names the output. A value that is the name of a step or output of the configuration,
 * or of the output `reject`, is a fault of the record; so is a number that lost digits when it was read.
 */
import type { SplitStep } from '../../base/config/values/process.js';
import type { Columns } from '../formats/columns.js';
import { Held } from '../formats/fault.js';
import type { Row } from '../formats/format.js';
import { type Decode, decoderOf } from '../formats/text.js';
import { nameOfTag, type Outputs } from './outputs.js';
import type { Frame, Node, Run } from './run.js';

export class Split implements Node {
  else: Node | undefined;
  #columns: Columns | undefined;
  #field: ((row: Row) => unknown) | undefined;
  /** The outputs, by the bytes of the value. */
  readonly #known = new Map<unknown, Node>();
  readonly #decode: Decode;

  constructor(
    private readonly run: Run,
    private readonly options: SplitStep,
    private readonly outputs: Outputs,
    /** The tags in the configuration. */
    private readonly reserved: ReadonlySet<string>,
  ) {
    this.#decode = run.options.format === 'csv' ? decoderOf(run.options.encoding) : (text) => text;
  }

  take(row: Row, from?: Frame): void {
    if (this.#field === undefined || row.columns !== this.#columns) this.bind(row.columns);
    const value = row.fault === undefined ? this.#field!(row) : undefined;
    const known = this.#known.get(value);
    if (known !== undefined) {
      known.take(row, from);
      return;
    }
    const wrong = row.fault ?? this.#wrongWith(value);
    if (wrong === undefined) this.#make(value).take(row, from);
    else this.run.refuse(row, wrong, this.else, from);
  }

  #wrongWith(value: unknown): string | undefined {
    const { by } = this.options;
    if (value === undefined) return `it has no ${by}`;
    if (typeof value === 'object' && value !== null) return `${by} is not a single value`;
    // JSON.parse has rounded it: two numbers of the file may be one here.
    if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER)
      return `${by} is a number beyond 2^53 - 1, so its digits are not exact; send it as text`;
    const tag = this.#tagOf(value);
    // Its bytes would be those of the replacement character, so two values would be one name.
    if (!tag.isWellFormed()) return `${by} has half of a character (a lone surrogate)`;
    if (this.reserved.has(tag)) return `${by} is ${JSON.stringify(tag)}, which is a step or an output of the chain`;
    return nameOfTag(tag) === undefined ? `${by} is too long for a file name` : undefined;
  }

  #tagOf(value: unknown): string {
    return value === null ? '' : this.#decode(String(value));
  }

  #make(value: unknown): Node {
    const output = this.outputs.of(this.#tagOf(value), true);
    // A copy, because the value may be part of a large text that would stay in memory with it.
    const key = typeof value === 'string' ? Buffer.from(value, 'utf8').toString('utf8') : value;
    this.#known.set(key, output);
    return output;
  }

  bind(columns: Columns | undefined): void {
    const { by } = this.options;
    if (columns !== undefined && !columns.index.has(by)) {
      const reason = `${this.run.name}: the header has no column ${JSON.stringify(by)}, which split needs`;
      throw new Held({ code: 'header_differs', reason, line: 1 });
    }
    this.#columns = columns;
    this.#field = this.run.format.field(columns, by);
  }
}
