/** One record on its way through a chain. */
import type { Columns } from './columns.js';

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
