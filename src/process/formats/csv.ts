/**
 * csv, RFC 4180 with any delimiter and quote, by Papa Parse's parser. It gets the bytes as a latin1 string and reports where
 * each record ends. So a record that nobody changed is written as its original bytes.
 * Guarantees: a record has a fault if its number of fields differs from the header's, or if a quote is not closed.
 * Lines end with LF or CRLF, mixed too. Another carriage return outside quotes holds the file: it is the end of a file that was
 * cut, or of lines as nobody else reads them. A blank line is no record, but in a csv of one column, where it is an empty field.
 */
import Papa from 'papaparse';
import type { ProcessOptions } from '../../base/config/values/process.js';
import { Columns, type Read } from './columns.js';
import { type Format, type Header, Row } from './format.js';
import { type Decode, decoderOf, encodeText } from './text.js';
import { shown } from './values.js';
import type { Window } from './window.js';

type Step = { data: string[][]; errors: { code: string }[]; meta: { cursor: number } };

const FAULTS: Record<string, string> = {
  MissingQuotes: 'a quote is not closed',
  InvalidQuotes: 'a quote closes in the middle of a field',
};

export class Csv implements Format {
  readonly extension = 'csv';
  header: Header | undefined;
  readonly #decode: Decode;
  readonly #special: RegExp;
  #typed: ReadonlyMap<string, Read> = new Map();
  /** The line end of the first line. Readers refuse a file with both. */
  #lineEnd: string | undefined;
  /** Shapes of records that a module made. */
  readonly #shapes = new Map<string, Columns>();

  constructor(private readonly options: ProcessOptions) {
    this.#decode = decoderOf(options.encoding);
    this.#special = new RegExp(`[\\r\\n${[options.delimiter, options.quote].map(escaped).join('')}]`);
    if (options.header) this.header = { columns: this.#columns(options.header), text: '' };
  }

  declare(typed: ReadonlyMap<string, Read>): void {
    this.#typed = typed;
    this.header?.columns.read(this.#decode, typed);
  }

  read(window: Window, rows: Row[]): number {
    const { text } = window;
    const { delimiter, quote } = this.options;
    const isOdd = LONE_RETURN.test(text);
    let used = 0;
    const step = ({ data, errors, meta }: Step, from = 0): void => {
      const end = from + meta.cursor;
      const odd = isOdd ? loneReturn(text.slice(used, end), delimiter, quote) : -1;
      if (odd >= 0) throw window.fault('record_invalid', used + odd, LONE);
      this.#take(window, data[0]!, used, end, rows, errors[0]?.code);
      used = end;
    };
    const parse = (input: string, ignoreLast: boolean, from: number) => {
      const fast = quote === '' ? { fastMode: true } : { quoteChar: quote };
      const config = { delimiter, newline: '\n', ...fast, step: (result: Step) => step(result, from) };
      new Papa.Parser(config as unknown as Papa.ParseConfig).parse(input, 0, ignoreLast);
    };
    parse(text, true, 0);
    // A record at the end of a file needs no line end.
    if (window.final && used < text.length) parse(text.slice(used), false, used);
    return used;
  }

  #take(window: Window, fields: string[], from: number, end: number, rows: Row[], error: string | undefined): void {
    const { bytes } = window;
    const isReturned = bytes[end - 1] === 0x0a && bytes[end - 2] === 0x0d;
    this.#lineEnd ??= isReturned ? '\r\n' : '\n';
    if (isReturned) withoutReturn(fields, window.text, from, end, this.options.delimiter);
    let fault = error === undefined ? undefined : (FAULTS[error] ?? error);
    if (this.header?.columns.names.length !== 1 && isBlank(bytes, from, end)) return;
    if (this.header === undefined) {
      if (fault !== undefined) throw window.fault('record_invalid', from, `the header cannot be read: ${fault}`);
      this.#begin(window, fields, from, end);
      return;
    }
    const { columns } = this.header;
    if (fault === undefined && fields.length !== columns.names.length)
      fault = `${counted(fields.length, 'field')}, the header has ${columns.names.length}`;
    // Nobody knows how many records it hides, so it is not one that can be rejected.
    if (fault !== undefined && HAS_LINES.test(window.text.slice(from, end)))
      throw window.fault('record_invalid', from, fault);
    rows.push(new Row(bytes, from, end, fields, columns, undefined, fault, undefined));
  }

  #begin(window: Window, fields: string[], from: number, end: number): void {
    const columns = this.#columns(fields.map(this.#decode));
    const { twice } = columns;
    if (twice !== undefined)
      throw window.fault('header_differs', from, `the header has two columns ${JSON.stringify(twice)}; rename one`);
    this.header = { columns, text: window.text.slice(from, end) };
  }

  #columns(names: readonly string[]): Columns {
    const columns = new Columns(names);
    columns.read(this.#decode, this.#typed);
    return columns;
  }

  value(row: Row): unknown {
    return row.columns!.object(row.fields);
  }

  row(value: unknown, origin: Row | undefined): Row {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0)
      throw new TypeError(`a record of csv is an object with a key for each column, but got ${shown(value)}`);
    const record = value as Record<string, unknown>;
    const before = origin?.columns;
    const columns = this.#shapeOf(namesOf(record, before ?? this.header?.columns), before);
    let same = columns === before;
    const fields = columns.names.map((name, at) => {
      const now = record[name];
      const from = columns === before ? at : before?.index.get(name);
      if (from !== undefined && before!.reads[from]!(origin!.fields[from]!) === now) return origin!.fields[from]!;
      same = false;
      return encodeText(textOf(now, name), this.options.encoding);
    });
    return same ? origin! : this.#made(columns, fields);
  }

  /** Returns one shared Columns for each list of names in the same order. */
  #shapeOf(names: readonly string[], like: Columns | undefined): Columns {
    if (like !== undefined && sameNames(names, like.names)) return like;
    const key = JSON.stringify(names);
    const known = this.#shapes.get(key);
    if (known) return known;
    const columns = this.#columns(names);
    if (this.#shapes.size >= SHAPES_MAX) this.#shapes.clear();
    this.#shapes.set(key, columns);
    return columns;
  }

  #made(columns: Columns, fields: string[]): Row {
    return new Row(undefined, 0, 0, fields, columns, undefined, undefined, this.#line(fields));
  }

  field(columns: Columns | undefined, name: string): (row: Row) => unknown {
    const at = columns?.index.get(name);
    return at === undefined ? () => undefined : (row) => row.fields[at];
  }

  headerOf(columns: Columns): string {
    if (columns === this.header?.columns) return this.header.text;
    return this.options.header ? '' : this.#line(columns.names.map((name) => encodeText(name, this.options.encoding)));
  }

  fit(row: Row, columns: Columns): Row {
    const more = row.columns!.names.find((name) => !columns.index.has(name));
    if (more !== undefined)
      throw new TypeError(
        `a record has the column ${JSON.stringify(more)}, which the first record of this output did not have; give all records of an output the same keys`,
      );
    const at = columns.names.map((name) => row.columns!.index.get(name));
    return this.#made(
      columns,
      at.map((from) => (from === undefined ? '' : row.fields[from]!)),
    );
  }

  #line(fields: readonly string[]): string {
    // Many readers skip an empty line, so a single empty field is quoted.
    const isEmpty = fields.length === 1 && fields[0] === '' && this.options.quote !== '';
    const text = isEmpty
      ? this.options.quote.repeat(2)
      : fields.map((field) => this.#quoted(field)).join(this.options.delimiter);
    return `${text}${this.#lineEnd ?? '\n'}`;
  }

  #quoted(field: string): string {
    const { quote } = this.options;
    if (!this.#special.test(field)) return field;
    if (quote === '')
      throw new TypeError(`${JSON.stringify(this.#decode(field))} needs quotes, and the format has none`);
    // A function, because $$ would be one $.
    return quote + field.replaceAll(quote, () => quote + quote) + quote;
  }
}

const LONE_RETURN = /\r(?!\n)/;
const LONE =
  'a carriage return outside quotes has no line feed after it; is the file cut? Its lines must end with LF or CRLF';

/** A line end with something after it. */
const HAS_LINES = /\n(?!$)|\r(?!\n?$)/;

/** Records of one output have few shapes. A module with many shapes uses data as keys. */
const SHAPES_MAX = 1_000;

/** The parser leaves the carriage return of CRLF at the end of the last field, unless that is quoted: then the field does not stand as it is before the LF. */
function withoutReturn(fields: string[], text: string, from: number, end: number, delimiter: string): void {
  const last = fields.length - 1;
  const field = fields[last]!;
  const at = end - 1 - field.length;
  const isPlain = text.startsWith(field, at) && (at === from || text[at - 1] === delimiter);
  if (isPlain && field.endsWith('\r')) fields[last] = field.slice(0, -1);
}

/** LF or CRLF alone. */
const isBlank = (bytes: Buffer, from: number, end: number): boolean =>
  bytes[from] === 0x0a || (end - from === 2 && bytes[from] === 0x0d);

/** The offset of a carriage return outside quotes that no line feed follows, or -1. */
function loneReturn(record: string, delimiter: string, quote: string): number {
  for (let at = 0; at < record.length; ) {
    if (record[at] === quote) at = afterQuoted(record, at, quote);
    const found = record.indexOf(delimiter, at);
    const end = found < 0 ? record.length : found;
    const odd = record.slice(at, end).search(LONE_RETURN);
    if (odd >= 0) return at + odd;
    at = end + 1;
  }
  return -1;
}

function afterQuoted(record: string, from: number, quote: string): number {
  let at = from;
  do {
    const closing = record.indexOf(quote, at + 1);
    if (closing < 0) return record.length;
    at = closing + 1;
  } while (record[at] === quote);
  return at;
}

/** The columns of a record in their order. Where objects list those of the file in another one, the file's order holds, and new ones follow. */
function namesOf(record: Record<string, unknown>, file: Columns | undefined): readonly string[] {
  const keys = Object.keys(record);
  if (!file?.isReordered) return keys;
  return [...file.names.filter((name) => Object.hasOwn(record, name)), ...keys.filter((key) => !file.index.has(key))];
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, at) => name === b[at]);
}

function textOf(value: unknown, column: string): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      if (Number.isFinite(value)) return String(value);
      break;
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'undefined':
      return '';
    default:
      if (value === null) return '';
      if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toISOString();
  }
  throw new TypeError(
    `column ${JSON.stringify(column)} is ${shown(value)}, but csv has text, numbers and booleans alone`,
  );
}

export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
const escaped = (sign: string): string => sign.replace(/[\\\]^-]/g, '\\$&');
