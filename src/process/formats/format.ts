/** What the chain asks of a format: csv, jsonl and lines each answer it. */

import type { Columns, Read } from './columns.js';
import type { Row } from './row.js';
import type { Window } from './window.js';

export interface Format {
  /** The records that are whole in the window are added to `rows`. Answers how many bytes they have, with their line ends. */
  read(window: Window, rows: Row[]): number;
  /** The first record of a csv; undefined before it was read, and in other formats. */
  readonly header: Header | undefined;
  /** The columns whose values are more than text for a module. */
  declare(typed: ReadonlyMap<string, Read>): void;
  /** What a module gets. */
  value(row: Row): unknown;
  /** What a module emitted; `origin` itself where it says the same. Throws a TypeError where it cannot be written. */
  row(value: unknown, origin: Row | undefined): Row;
  /** The value of a column: csv: text, its bytes as latin1; jsonl: what JSON has. */
  field(columns: Columns | undefined, name: string): (row: Row) => unknown;
  /** csv: the line of a header. */
  headerOf(columns: Columns): string;
  /** csv: the record with the columns of another header. Throws a TypeError where it has more of them. */
  fit(row: Row, columns: Columns): Row;
  /** The last part of a file name, where the input has none. */
  readonly extension: string;
}

export interface Header {
  columns: Columns;
  /** As it stands in the file, with its line end; '' where the file has none. */
  text: string;
}
