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
 * The claimant whose content the file has; of several generations the highest. One that was taken back owns the path only
 * where no claimant stands. Undefined: the file is foreign.
 */
export function ownerOf<T extends Claimant>(claimants: readonly T[], sha256: Buffer): T | undefined {
  const standing = claimants.filter(({ takenBack }) => !takenBack);
  return (standing.length > 0 ? standing : claimants)
    .filter((one) => one.sha256.equals(sha256))
    .reduce<T | undefined>((best, one) => (best && best.generation >= one.generation ? best : one), undefined);
}
