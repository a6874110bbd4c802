/**
 * The `process:` of a feed after the checks: plain JSON, recorded in the state with the feed (types, not interfaces: only
 * they are JSON to the compiler).
 * Does not: know the names of steps that only the module has; they are checked where the module is loaded.
 */

export const PROCESS_FORMATS = ['csv', 'jsonl', 'lines'] as const;
export const PROCESS_ENCODINGS = ['utf-8', 'latin1', 'utf-16le'] as const;
export const COLUMN_TYPES = ['text', 'number', 'integer', 'boolean', 'date', 'timestamp'] as const;

export type ColumnRule = {
  type: (typeof COLUMN_TYPES)[number];
  /** A regular expression that the whole field must match. */
  pattern?: string;
  /** False: an empty field passes. */
  required: boolean;
};

/** Passes records that keep its rules on to `next`, and the others to `else`; without `else` the first one holds the file. */
export type CheckStep = {
  use: 'check';
  /** The header must be equal to it. */
  header?: string[];
  /** The header must have these columns. */
  contains?: string[];
  columns: Record<string, ColumnRule>;
  rows?: { min?: number; max?: number };
  /** The last record must end with a line end. */
  lastNewline?: boolean;
  /** A step or an output. Without it records end here: the file is checked, nothing is written. */
  next?: string;
  else?: string;
};

/** Writes each record to the output that the value of a column names. */
export type SplitStep = {
  use: 'split';
  by: string;
  else?: string;
};

export type StepOptions = CheckStep | SplitStep;

/** The output of records that a chain does not accept. It is not for readers. */
export const REJECT = 'reject';

export type ProcessOptions = {
  format: (typeof PROCESS_FORMATS)[number];
  /** One ASCII character each; csv alone. */
  delimiter: string;
  quote: string;
  /** The names of the columns of a csv without a header row. */
  header?: string[];
  encoding: (typeof PROCESS_ENCODINGS)[number];
  start: string;
  steps: Record<string, StepOptions>;
  /** A whole number of records, or a share as `1%`. */
  reject?: { max: number | string };
  /** Absolute. */
  module?: string;
  outputsMax: number;
  /** The limit of all outputs of a file together. Undefined: 4 times the file's size and 1 GiB. */
  outputBytesMax?: number;
  /** Undefined: 100 times the packed size, at least 1 GiB. */
  unpackedBytesMax?: number;
  recordBytesMax: number;
  stuckSeconds: number;
  memoryBytes: number;
};

/**
 * True where the chain can write an output for readers. Then they take its outputs instead of the file. A chain that only checks, or
 * only takes out rejected records, leaves them the file. It is a fact of the chain, not of one file: a file without a good record must
 * not come to readers by itself. A module may write anything.
 */
export const writesForReaders = ({ module, steps }: Pick<ProcessOptions, 'module' | 'steps'>): boolean =>
  module !== undefined ||
  Object.values(steps).some((step) => step.use === 'split' || tagsOf(step).some(isForReaders(steps)));

const tagsOf = (step: CheckStep): string[] => [step.next, step.else].filter((tag) => tag !== undefined);
const isForReaders = (steps: ProcessOptions['steps']) => (tag: string) => tag !== REJECT && !Object.hasOwn(steps, tag);
