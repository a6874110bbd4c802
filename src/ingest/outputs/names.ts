/**
 * The names of a file's outputs in the warehouse: those of the file with `.TAG.EXTENSION` behind it, and one number for all names of a job.
 * Does not: touch the disk.
 */
import { baseOf, folderOf, nthName, shortened } from '../../files/places.js';
import { type ByteName, joinNames } from '../../linux/index.js';

/** What of a name is no part of what it is about: `orders.csv.gz` is about `orders`. */
const FORMAT = /(\.[A-Za-z0-9]{1,8})?(\.gz)?$/;

export interface Targets {
  target: ByteName;
  /** Of the outputs, in their order. */
  outputs: ByteName[];
}

/** The `n`th choice of a job's targets. `wanted`: of the file itself; `suffixes`: of its outputs, in their order. */
export function nthTargets(wanted: ByteName, n: number, suffixes: readonly string[]): Targets {
  const folder = folderOf(wanted);
  const name = baseOf(wanted);
  const stem = name.replace(FORMAT, '') || name;
  const numbered = n <= 1 ? '' : `~${n}`;
  const outputs = suffixes.map((suffix) => joinNames(folder, shortened(stem as ByteName, `${numbered}${suffix}`)));
  return { target: joinNames(folder, nthName(name, n)), outputs };
}
