/** The step `check`: passes records that keep its rules, and sends the others to `else`, or holds the file at the first. */
import type { CheckStep, ProcessOptions } from '../../base/config/values/process.js';
import type { Columns } from '../formats/columns.js';
import { excerptOf, Held } from '../formats/fault.js';
import type { Row } from '../formats/format.js';
import { type ColumnTest, columnTest } from './column-test.js';
import type { Frame, Node, Run } from './run.js';

interface Wrong {
  what: string;
  column?: number;
}

export class Check implements Node {
  next: Node | undefined;
  else: Node | undefined;
  /** The number of records so far. */
  rows = 0;
  #columns: Columns | undefined;
  #bound = false;
  #tests: { name: string; column: number; field: (row: Row) => unknown; test: ColumnTest }[] = [];

  constructor(
    private readonly run: Run,
    private readonly options: CheckStep,
  ) {}

  take(row: Row, from?: Frame): void {
    const { max } = this.options.rows ?? {};
    if (++this.rows > (max ?? Number.POSITIVE_INFINITY))
      throw this.run.heldAt('rows_out_of_bounds', `this is record ${this.rows}, and rows.max is ${max}`, row);
    if (!this.#bound || row.columns !== this.#columns) this.bind(row.columns);
    if (this.options.lastNewline && lastOpen(row)) throw this.run.heldAt('record_invalid', CUT, row);
    const wrong = row.fault === undefined ? this.#wrongIn(row) : { what: row.fault };
    if (wrong === undefined) this.next?.take(row, from);
    else this.run.refuse(row, wrong.what, this.else, from, wrong.column);
  }

  #wrongIn(row: Row): Wrong | undefined {
    for (const { name, column, field, test } of this.#tests) {
      const value = field(row);
      const wrong = test(value);
      if (wrong !== undefined) return { what: `${name} ${wrong}${shownValue(value, this.run.options)}`, column };
    }
    return undefined;
  }

  /** Checks a header and finds the columns of the rules in it. */
  bind(columns: Columns | undefined): void {
    this.#columns = columns;
    this.#bound = true;
    if (columns !== undefined) this.#checkHeader(columns.names);
    const { header } = this.run.format;
    if (this.options.lastNewline && header !== undefined && /[^\n]$/.test(header.text))
      throw this.run.heldAt('record_invalid', 'the header has no line end, so the file may be cut');
    this.#tests = Object.entries(this.options.columns).map(([name, rule]) => ({
      name,
      column: (columns?.index.get(name) ?? -1) + 1,
      field: this.run.format.field(columns, name),
      test: columnTest(rule, this.run.options),
    }));
  }

  #checkHeader(names: readonly string[]): void {
    const { header, contains = [], columns } = this.options;
    const differs = (what: string) =>
      new Held({ code: 'header_differs', reason: `${this.run.name}: ${what}`, line: 1 });
    if (header !== undefined) {
      const at = header.findIndex((name, i) => name !== names[i]);
      if (at >= 0) {
        const got = names[at] === undefined ? 'is missing' : `is ${JSON.stringify(names[at])}`;
        throw differs(`column ${at + 1} of the header must be ${JSON.stringify(header[at])}, but ${got}`);
      }
      if (names.length > header.length)
        throw differs(
          `the header has ${names.length} columns, but must have ${header.length}; ${JSON.stringify(names[header.length])} is more`,
        );
    }
    const missing = [...contains, ...Object.keys(columns)].find((name) => !names.includes(name));
    if (missing !== undefined) throw differs(`the header has no column ${JSON.stringify(missing)}`);
  }

  /** Called after the last record. A module may have changed that one. */
  end(): void {
    const { rows, lastNewline } = this.options;
    if (lastNewline && this.run.endsOpen) throw this.run.heldAt('record_invalid', CUT);
    if (rows?.min === undefined || this.rows >= rows.min) return;
    const reason = `${this.run.name}: ${this.rows} records came to the step, and rows.min is ${rows.min}`;
    throw new Held({ code: 'rows_out_of_bounds', reason });
  }
}

const CUT = 'the last record has no line end, so the file may be cut';

/** Only the last record of a file may lack a line end. */
const lastOpen = ({ window, end }: Row): boolean => window !== undefined && window[end - 1] !== 0x0a;

function jsonOf(value: unknown): string {
  if (typeof value !== 'object') return String(value);
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return 'a value that is nested too deep to be shown';
    throw error;
  }
}

const VALUE_CHARS = 40;

/** Describes a wrong value. An empty value is not repeated. */
function shownValue(value: unknown, { format, encoding }: ProcessOptions): string {
  if (value === '' || value === undefined || value === null) return '';
  // A field of csv has its bytes as latin1.
  const text =
    format === 'csv'
      ? excerptOf(Buffer.from(String(value), 'latin1'), encoding)
      : excerptOf(Buffer.from(jsonOf(value)));
  return `: ${text.length > VALUE_CHARS ? `${text.slice(0, VALUE_CHARS)}…` : text}`;
}
