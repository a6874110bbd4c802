/**
 * What the witnesses say of one ingest id: the ledger's row, the job, the manifest line, its correction, and the files in
 * the warehouse and in `underprocess/`. The words here are all that the judge (table.ts) knows; who gathers them looks at
 * the disk and the state.
 * `not_looked` is an answer of its own: a command that does not look must not conclude that something is missing.
 */

export const ROWS = [
  'none',
  'carried',
  /** Carried, and its line and target are planned. */
  'planned',
  'manifested',
  'stored',
  'unconfirmed',
  'withdrawn',
  'pruned',
  'learned',
  /** Two rows of one content and generation. */
  'twice',
] as const;
export const JOBS = ['none', 'open', 'held', 'done', 'putting_away', 'giving_up', 'taking_out'] as const;
export const LINES = [
  'none',
  /** An append is open that writes it. */
  'intent',
  'there',
  /** Two lines that stand are of one content and generation. */
  'twice',
  /** It says something else than the row. */
  'differs',
  'not_looked',
] as const;
/** The correction that takes the line back: without an operator's name (the file never arrived), or with one. */
export const BACKS = ['no', 'given_up', 'taken_out'] as const;
export const PATHS = [
  'free',
  'mine',
  /** The file belongs to another line (owner.ts). */
  'others_line',
  /** A file that no line speaks of. */
  'foreign',
  /** A file whose bytes have to be read before it can be said whose it is. */
  'unread',
  'not_looked',
] as const;
/** In `underprocess/`, of the job that the line names or of its heir. */
export const SEALED = ['none', 'file', 'copy', 'other_bytes', 'not_looked'] as const;

export interface Case {
  row: (typeof ROWS)[number];
  job: (typeof JOBS)[number];
  line: (typeof LINES)[number];
  back: (typeof BACKS)[number];
  /** The correction is decided in the state and not yet in its file. It counts as written. */
  owed: boolean;
  path: (typeof PATHS)[number];
  sealed: (typeof SEALED)[number];
}

export type Truth =
  /** Nobody knows the content. */
  | 'new'
  | 'carried'
  | 'manifested'
  | 'stored'
  /** Stored, and the file is not in the warehouse any more: a consumer took it. */
  | 'gone'
  | 'given_up'
  | 'withdrawn'
  | 'unknown';

export type Fault =
  | 'row_twice'
  | 'line_twice'
  | 'line_missing'
  | 'line_and_row_differ'
  | 'row_changed'
  | 'correction_missing'
  /** Its line was taken back, and its file lies in the warehouse all the same. */
  | 'corrected_but_there'
  /** No rule fits. */
  | 'not_judged';

export type Act =
  /** Read the file at the path and judge again. */
  | 'read_path'
  | 'write_correction'
  | 'mark_withdrawn'
  /** Move the file from the warehouse to failed/, with the path reserved meanwhile. */
  | 'take_out'
  | 'free_row'
  | 'end_job'
  /** Move the sealed file to failed/. */
  | 'give_up_sealed'
  | 'put_away_sealed'
  | 'hold_changed_after_copy'
  | 'hold_withdrawn_file_differs'
  | 'enter_stored'
  | 'enter_unconfirmed'
  | 'enter_manifested'
  /** The sealed file goes on with its line. */
  | 'adopt_at_move'
  /** The sealed file is hashed again, and the ledger decides. */
  | 'adopt_at_hash'
  | 'redo_append'
  | 'plan_anew';

export interface Verdict {
  truth: Truth;
  faults: readonly Fault[];
  acts: readonly Act[];
}
