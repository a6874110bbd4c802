/**
 * Decides whether a state knows a manifest line, or a correction, that was found on disk. If it does not, it is older than
 * the disk and would ingest the same content twice. Pure.
 * The SHA-256 alone is no proof: a later generation has the same one.
 */
import { type Content, hasEnded } from '../ledger/content.js';

export interface LineOnDisk {
  ingestId: string;
  generation: number;
  /** The hour folder of its file; undefined for a file that lies elsewhere. */
  hour: string | undefined;
  /** Its file was rotated or replaced: it is read from the start at each start, so known lines are met again. */
  again: boolean;
}

/** The knowledge of the state about the line. */
export interface InState {
  /** The row of the line's content and generation. */
  row: Content | undefined;
  /** The job with the line's ingest id. */
  job: 'none' | 'under_way' | 'ended';
  /** A correction with that ingest id is decided, written or not. */
  corrected: boolean;
}

export function knowsLine(line: LineOnDisk, { row, job, corrected }: InState): boolean {
  if (corrected || job === 'ended') return true;
  if (row === undefined) return false;
  if (row.state === 'pruned') return line.hour === undefined || line.hour === row.hour;
  // If one generation has two lines, one of them has no row.
  if (line.again && hasEnded(row)) return true;
  // A content that is not even planned had no line when this copy of the state was made.
  return row.ingestId === line.ingestId && row.target !== null;
}

/** `takenOut`: the correction names an operator. */
export function knowsCorrection(
  takenOut: boolean,
  { ingestId, again }: Pick<LineOnDisk, 'ingestId' | 'again'>,
  { row, job, corrected }: InState,
): boolean {
  if (corrected) return true;
  // A withdrawn content is never pruned. So a pruned one was withdrawn after this copy of the state was made.
  if (takenOut) return row?.state === 'withdrawn';
  // Jobs are forgotten after a time (--keep-history).
  return row?.ingestId !== ingestId && (job === 'ended' || (again && job === 'none'));
}
