/** One record on its way through a chain. */
import type { Columns } from './columns.js';

export class Row {
  constructor(
    /** Holds its original bytes from `start` to `end`, line end included. Undefined where a module made or changed it. */
    readonly window: Buffer | undefined,
    readonly start: number,
    readonly end: number,
    /** csv: each field, its bytes as a latin1 string. */
    readonly fields: string[],
    readonly columns: Columns | undefined,
    /** jsonl: what the line says. lines: unused. */
    readonly value: unknown,
    /** Why it is no record of its format. */
    readonly fault: string | undefined,
    /** What is written where there are no original bytes: bytes as a latin1 string, with a line end. */
    readonly text: string | undefined,
  ) {}
}
