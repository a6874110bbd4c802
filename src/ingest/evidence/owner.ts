/**
 * Whose file lies at a path that several lines name: of two contents, or of two generations of one. Pure.
 * Not the last line: there is no order to know it by. An ingest id is born with the job, clocks go back, and hour files are
 * not written in the order of the hours.
 */

/** A line, or a row, that names the path. */
export interface Claimant {
  ingestId: string;
  sha256: Buffer;
  generation: number;
  /** Taken back by a correction, also by one that is owed. */
  takenBack: boolean;
}

/**
 * The claimant whose content the file has; of several generations the highest, taken back or not: a name is given only while
 * it is free, so the file of an earlier one had gone before. For the same reason it counts nothing that a line of another
 * content stands: a consumer took that file. Undefined: the file is foreign.
 */
export const ownerOf = <T extends Claimant>(claimants: readonly T[], sha256: Buffer): T | undefined =>
  claimants
    .filter((one) => one.sha256.equals(sha256))
    .reduce<T | undefined>((best, one) => (best && isBefore(best, one) ? best : one), undefined);

/** Two lines of one generation: the one that stands. */
const isBefore = (a: Claimant, b: Claimant): boolean =>
  a.generation > b.generation || (a.generation === b.generation && !(a.takenBack && !b.takenBack));
