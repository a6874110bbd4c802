/**
 * The names of a file's outputs in the warehouse: the file's own name, then `.TAG.EXTENSION`. All names of a job have the same number.
 * Does not: touch the disk.
 */
import { baseOf, folderOf, nthName, shortened } from '../../files/job-paths.js';
import { type ByteName, joinNames } from '../../linux/index.js';

/** The part of a name that is only format: `orders.csv.gz` is about `orders`. */
const FORMAT = /(\.[A-Za-z0-9]{1,8})?(\.gz)?$/;

export interface Targets {
  target: ByteName;
  /** The targets of the outputs, in their order. */
  outputs: ByteName[];
}

/** The `n`th choice of a job's targets. `wanted`: the file's own target. `suffixes`: one for each output, in their order. */
export function nthTargets(wanted: ByteName, n: number, suffixes: readonly string[]): Targets {
  const folder = folderOf(wanted);
  const name = baseOf(wanted);
  const stem = name.replace(FORMAT, '') || name;
  const numbered = n <= 1 ? '' : `~${n}`;
  const outputs = suffixes.map((suffix) => joinNames(folder, shortened(stem as ByteName, `${numbered}${suffix}`)));
  return { target: joinNames(folder, nthName(name, n)), outputs };
}
