/**
 * Decides whose file lies at a path that several contents name, for their own files or for outputs. Pure.
 * The last line is not the answer, because lines have no reliable order: an ingest id is as old as its job, clocks are set
 * back, and hour files are not written in the order of the hours.
 */
import type { Claimant } from './names.js';

/**
 * The claimant that has the file's bytes. Those whose name was given to another since are out: their file has left. So are the
 * earlier generations of a content: a name is given only while it is free. Where several are left (their order was lost), one that
 * stands goes before one that was taken back: a file that fits a standing line stays. Undefined: the file is foreign.
 */
export function ownerOf<T extends Claimant>(claimants: readonly T[], sha256: Buffer): T | undefined {
  const fits = claimants.filter((one) => !one.hasLeft && one.sha256.equals(sha256));
  const newest = fits.filter((one) => !fits.some((other) => isAfter(other, one)));
  return newest.find(({ takenBack }) => !takenBack) ?? newest[0];
}

/** A later one of the same content: a higher generation, or the line of one generation that is not taken back. */
const isAfter = (a: Claimant, b: Claimant): boolean =>
  a.content === b.content &&
  (a.generation > b.generation || (a.generation === b.generation && !a.takenBack && b.takenBack));
