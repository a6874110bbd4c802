/** One record on its way through a chain, and the interface that csv, jsonl and lines implement for it. */
import type { Columns, Read } from './columns.js';
import type { Window } from './window.js';

export class Row {
  constructor(
    /** The text with the record's original bytes from `start` to `end`, line end included. Undefined if a module made or changed the record. */
    readonly window: Buffer | undefined,
    readonly start: number,
    readonly end: number,
    /** csv: the bytes of each field as a latin1 string. */
    readonly fields: string[],
    readonly columns: Columns | undefined,
    /** jsonl: the parsed value of the line. lines: unused. */
    readonly value: unknown,
    /** Why the record is not valid in its format. */
    readonly fault: string | undefined,
    /** The bytes to write if there are no original ones: a latin1 string with a line end. */
    readonly text: string | undefined,
  ) {}
}

export interface Format {
  /** Adds the records that are whole in the window to `rows`. Returns their length in bytes, line ends included. */
  read(window: Window, rows: Row[]): number;
  /** The first record of a csv; undefined before it was read, and in other formats. */
  readonly header: Header | undefined;
  /** The columns whose values are more than text for a module. */
  declare(typed: ReadonlyMap<string, Read>): void;
  /** Returns the record as a module gets it. */
  value(row: Row): unknown;
  /** Returns a row for what a module emitted: `origin` itself if it is equal. Errors: a TypeError if it cannot be written. */
  row(value: unknown, origin: Row | undefined): Row;
  /** Returns the value of a column. csv: text as latin1 bytes; jsonl: the JSON value. */
  field(columns: Columns | undefined, name: string): (row: Row) => unknown;
  /** csv: returns the line of a header. */
  headerOf(columns: Columns): string;
  /** csv: returns the record with the columns of another header. Errors: a TypeError if the record has more columns. */
  fit(row: Row, columns: Columns): Row;
  /** The extension of outputs if the input has none. */
  readonly extension: string;
}

export interface Header {
  columns: Columns;
  /** The line as it is in the file, with its line end; '' if the file has no header. */
  text: string;
}
