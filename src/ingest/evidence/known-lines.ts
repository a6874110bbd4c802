/**
 * Whether a state knows a manifest line, or a correction, that it finds on disk. A state that does not is older than the
 * disk: it would take the same content twice. Pure.
 * The SHA-256 alone never says it: a later generation has the same one.
 */
import type { Content } from '../ledger/content.js';

export interface LineOnDisk {
  ingestId: string;
  generation: number;
  /** The folder that it lies in; undefined in a file that was put elsewhere. */
  hour: string | undefined;
  /** Its file was rotated or replaced, so that it is read whole at each start, and what was known once is met again. */
  again: boolean;
}

/** What the state has of it. */
export interface InState {
  /** The row of its content and generation. */
  row: Content | undefined;
  /** The job of its ingest id, as far as it has come. */
  job: 'none' | 'under_way' | 'ended';
  /** A correction of that id is decided, written or not. */
  corrected: boolean;
}

export function knowsLine(line: LineOnDisk, { row, job, corrected }: InState): boolean {
  if (corrected || job === 'ended') return true;
  if (row === undefined) return false;
  if (row.note === 'pruned') return line.generation === 1 && (line.hour === undefined || line.hour === row.hour);
  // One of two lines of a generation has no row of its own.
  if (line.again && row.state === 'stored') return true;
  // A content that is not even planned had no line when this copy of the state was made.
  return row.ingestId === line.ingestId && row.target !== null;
}

/** `takenOut`: an operator's name is in it. */
export function knowsCorrection(
  takenOut: boolean,
  { ingestId, again }: Pick<LineOnDisk, 'ingestId' | 'again'>,
  { row, job, corrected }: InState,
): boolean {
  if (corrected) return true;
  // A withdrawn content is never pruned: a pruned one was withdrawn after this copy of the state was made.
  if (takenOut) return row?.note === 'withdrawn';
  // Jobs are forgotten after a time (--keep-history).
  return row?.ingestId !== ingestId && (job === 'ended' || (again && job === 'none'));
}
