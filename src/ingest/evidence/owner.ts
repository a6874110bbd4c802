/**
 * Decides whose file lies at a path that several lines name: lines of two contents, or of two generations. Pure.
 * The last line is not the answer, because lines have no reliable order: an ingest id is as old as its job, clocks are set
 * back, and hour files are not written in the order of the hours.
 */

/** A line, or a row, that names the path. */
export interface Claimant {
  ingestId: string;
  sha256: Buffer;
  generation: number;
  /** Taken back by a correction, written or only decided. */
  takenBack: boolean;
}

/**
 * The claimant that has the file's content. Among several generations it is the highest, taken back or not: a name is given only
 * while it is free, so the earlier file had left. For the same reason a valid line of another content does not count: a consumer
 * took its file. Undefined: the file is foreign.
 */
export const ownerOf = <T extends Claimant>(claimants: readonly T[], sha256: Buffer): T | undefined =>
  claimants
    .filter((one) => one.sha256.equals(sha256))
    .reduce<T | undefined>((best, one) => (best && isBefore(best, one) ? best : one), undefined);

/** True where `a` goes before `b`: a higher generation, or of one generation the line that is not taken back. */
const isBefore = (a: Claimant, b: Claimant): boolean =>
  a.generation > b.generation || (a.generation === b.generation && !(a.takenBack && !b.takenBack));
