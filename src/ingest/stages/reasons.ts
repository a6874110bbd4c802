/**
 * The catalogue of reasons for which a file waits: those that the stages have in their files, and those of no stage. Every view reads
 * it, so a file waits for the same reason everywhere.
 */
import { COMMON, type Reason, type Reasons, TURN } from '../rules/reasons.js';
import { STAGES } from './index.js';

export const REASONS: Reasons = Object.assign({}, COMMON, ...STAGES.map(({ reasons }) => reasons));

/** The code of a reason in a job's row. `attempts`: how often the stage has failed with it. */
export function codeOf(reason: string, attempts: number): string {
  if (Object.hasOwn(REASONS, reason)) return REASONS[reason] === TURN ? 'turn' : reason;
  return attempts > 0 ? 'retry' : 'turn';
}

/** `code`: from `codeOf`, or of the catalogue. */
export const reasonOf = (code: string): Reason => REASONS[code]!;
