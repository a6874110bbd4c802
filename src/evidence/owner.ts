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
 * it is free, so the file of an earlier generation had gone before. One that was taken back owns the path only where no
 * claimant of another content stands. Undefined: the file is foreign.
 */
export function ownerOf<T extends Claimant>(claimants: readonly T[], sha256: Buffer): T | undefined {
  const isOurs = (one: T): boolean => one.sha256.equals(sha256);
  const owner = claimants
    .filter(isOurs)
    .reduce<T | undefined>((best, one) => (best && isBefore(best, one) ? best : one), undefined);
  if (owner?.takenBack && claimants.some((one) => !one.takenBack && !isOurs(one))) return undefined;
  return owner;
}

/** Two lines of one generation: the one that stands. */
const isBefore = (a: Claimant, b: Claimant): boolean =>
  a.generation > b.generation || (a.generation === b.generation && !(a.takenBack && !b.takenBack));
