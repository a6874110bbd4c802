/**
 * The evidence about one ingest id: the ledger's row, the job, the manifest line, its correction, and the files in the
 * warehouse and in `underprocess/`. The judge (table.ts) knows only the words defined here; its callers read the disk and
 * the state.
 * `not_looked` is an answer of its own: a command that does not check must not conclude that something is missing.
 */
import type { Content } from '../ledger/content.js';

export const ROWS = [
  'none',
  'carried',
  /** Carried, with a planned line and target. */
  'planned',
  'manifested',
  'stored',
  'unconfirmed',
  'withdrawn',
  'pruned',
  'learned',
] as const;
export const JOBS = ['none', 'open', 'done'] as const;
export const LINES = [
  'none',
  'there',
  /** Two valid lines have the same content and generation. */
  'twice',
  /** Line and row do not agree. */
  'differs',
  'not_looked',
] as const;
/** The correction that takes the line back: without an operator (the file never arrived), or by one. */
export const BACKS = ['no', 'given_up', 'taken_out'] as const;
export const PATHS = [
  'free',
  'mine',
  /** The file belongs to another line (owner.ts). */
  'others_line',
  /** A file that belongs to no line. */
  'foreign',
  'not_looked',
] as const;
/** The file in `underprocess/` of the job that the line names, or of its heir. */
export const SEALED = ['none', 'file', 'other_bytes', 'not_looked'] as const;

export interface Case {
  row: (typeof ROWS)[number];
  job: (typeof JOBS)[number];
  line: (typeof LINES)[number];
  back: (typeof BACKS)[number];
  path: (typeof PATHS)[number];
  sealed: (typeof SEALED)[number];
}

/** The row of a content. One that another host has is nothing here. */
export const rowOf = ({ state, target }: Pick<Content, 'state' | 'target'>): Case['row'] =>
  state === 'elsewhere' ? 'none' : state === 'carried' && target !== null ? 'planned' : state;

export type Truth =
  | 'carried'
  | 'manifested'
  | 'stored'
  /** Stored, and the file is no longer in the warehouse: a consumer took it. */
  | 'gone'
  | 'given_up'
  | 'withdrawn'
  | 'unknown';

export type Fault =
  | 'line_twice'
  | 'line_missing'
  | 'line_and_row_differ'
  | 'row_changed'
  | 'correction_missing'
  /** Its line was taken back, but its file is in the warehouse. */
  | 'corrected_but_there';

export type Act =
  | 'mark_withdrawn'
  /** Move the file from the warehouse to failed/, with its path reserved meanwhile. */
  | 'take_out'
  | 'free_row'
  | 'enter_stored'
  | 'enter_unconfirmed'
  /** The sealed file goes on with its line. */
  | 'enter_manifested'
  | 'plan_again';

export interface Verdict {
  truth: Truth;
  faults: readonly Fault[];
  acts: readonly Act[];
}
