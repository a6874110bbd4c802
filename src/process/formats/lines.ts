/**
 * Records of one line each: jsonl, whose line is a JSON value, and lines, whose line is text.
 * Guarantees: a line of jsonl that is not JSON is a record with a fault, or holds the file if it has carriage returns in it. So does a
 * file whose lines end with carriage returns alone. A blank line is a record of lines, and none of jsonl.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ProcessOptions } from '../../base/config/values/process.js';
import type { Columns } from './columns.js';
import { type Format, Row } from './format.js';
import { type Decode, decoderOf, encodeText } from './text.js';
import { lostInJson, shown } from './values.js';
import type { Window } from './window.js';

const NO_FIELDS: string[] = [];
/** The bytes of the longest mark before the first record. */
const BOM_MOST = 3;

abstract class OneLineEach implements Format {
  abstract readonly extension: string;
  readonly header = undefined;
  protected readonly decode: Decode;

  constructor(protected readonly options: ProcessOptions) {
    this.decode = decoderOf(options.encoding);
  }

  declare(): void {}

  read(window: Window, rows: Row[]): number {
    const { text, final } = window;
    let from = 0;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', from)) {
      this.#take(window, from, at + 1, lineOf(text, from, at), rows);
      from = at + 1;
    }
    if (!final || from === text.length) return from;
    if (from === 0 && window.base <= BOM_MOST && text.trimEnd().includes('\r'))
      throw window.fault(
        'record_invalid',
        0,
        'its lines end with carriage returns alone; a line ends with a line feed',
      );
    this.#take(window, from, text.length, text.slice(from), rows);
    return text.length;
  }

  #take(window: Window, from: number, end: number, line: string, rows: Row[]): void {
    if (!this.isRecord(line)) return;
    const [value, fault] = this.parse(line);
    // Are these the ends of lines? Nobody knows how many records it hides, so it is not one that can be rejected.
    if (fault !== undefined && line.trimEnd().includes('\r')) throw window.fault('record_invalid', from, fault);
    rows.push(new Row(window.bytes, from, end, NO_FIELDS, undefined, value, fault, undefined));
  }

  row(value: unknown, origin: Row | undefined): Row {
    const line = this.lineOf(value);
    if (origin !== undefined && this.lineBefore(origin) === line) return origin;
    return new Row(undefined, 0, 0, NO_FIELDS, undefined, this.parse(line)[0], undefined, `${line}\n`);
  }

  headerOf(): string {
    return '';
  }

  fit(row: Row): Row {
    return row;
  }

  protected isRecord(_: string): boolean {
    return true;
  }

  abstract value(row: Row): unknown;
  protected abstract parse(line: string): [unknown, string | undefined];
  /** The bytes of the value. */
  protected abstract lineOf(value: unknown): string;
  /** The bytes of the original line, as this class would write it. */
  protected abstract lineBefore(origin: Row): string;
  abstract field(columns: Columns | undefined, name: string): (row: Row) => unknown;
}

export class Jsonl extends OneLineEach {
  readonly extension = 'jsonl';

  /** The white space of JSON. */
  protected override isRecord(line: string): boolean {
    return /[^ \t\r]/.test(line);
  }

  override row(value: unknown, origin: Row | undefined): Row {
    const lost = lostInJson(value);
    // A number beyond the range (1e400) is read as Infinity. Unchanged, it keeps its text.
    if (lost !== undefined && !isDeepStrictEqual(value, origin?.value))
      throw new TypeError(`a record of jsonl is what JSON has, but got ${shown(lost)}`);
    return super.row(value, origin);
  }

  protected parse(line: string): [unknown, string | undefined] {
    try {
      return [JSON.parse(this.decode(line)), undefined];
    } catch (error) {
      return [undefined, `it is no JSON (${(error as Error).message})`];
    }
  }

  protected lineOf(value: unknown): string {
    const line = JSON.stringify(value);
    if (line === undefined) throw new TypeError(`a record of jsonl is what JSON has, but got ${shown(value)}`);
    const { encoding } = this.options;
    return encodeText(encoding === 'latin1' ? line.replace(BEYOND_LATIN1, escaped) : line, encoding);
  }

  /** Each step gets a value of its own, because it may change it in place. */
  value({ window, start, end, text }: Row): unknown {
    return this.parse(window?.toString('latin1', start, end) ?? text!)[0];
  }

  protected lineBefore(origin: Row): string {
    return this.lineOf(origin.value);
  }

  field(_: Columns | undefined, name: string): (row: Row) => unknown {
    return ({ value }) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, name)
        ? (value as Record<string, unknown>)[name]
        : undefined;
  }
}

/** A record is its line as a string, without the line end. */
export class Lines extends OneLineEach {
  readonly extension = 'txt';

  protected parse(line: string): [unknown, undefined] {
    return [line, undefined];
  }

  value(row: Row): unknown {
    return this.decode(row.value as string);
  }

  protected lineBefore(origin: Row): string {
    return origin.value as string;
  }

  protected lineOf(value: unknown): string {
    if (typeof value !== 'string' || value.includes('\n'))
      throw new TypeError(`a record of lines is a string without a line end, but got ${shown(value)}`);
    return encodeText(value, this.options.encoding);
  }

  field(): (row: Row) => unknown {
    return ({ value }) => value;
  }
}

/** JSON writes each character also as an escape. */
const BEYOND_LATIN1 = /[\u0100-\uffff]/g;
const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Removes the carriage return of CRLF. */
const lineOf = (text: string, from: number, end: number): string =>
  text.slice(from, text.charCodeAt(end - 1) === 0x0d && end > from ? end - 1 : end);
