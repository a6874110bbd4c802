/**
 * The names of a file and its outputs in the warehouse. An output has the file's own name, then `.TAG.EXTENSION`. All names of a job
 * have the same number. A reader who takes all files of a day gets each record once: the day has either the file or its outputs.
 * Does not: touch the disk.
 */
import { REJECT } from '../../base/config/values/process.js';
import { baseOf, folderOf, nthName, ORIGINALS, REJECTS, shortened } from '../../files/job-paths.js';
import { type ByteName, joinNames } from '../../linux/index.js';

/** The part of a name that is only format: `orders.csv.gz` is about `orders`. */
const FORMAT = /(\.[A-Za-z0-9]{1,8})?(\.gz)?$/;

export interface Targets {
  target: ByteName;
  /** The targets of the outputs, in their order. */
  outputs: ByteName[];
}

/** A file, and the outputs that a chain made of it. */
export interface Named {
  /** The file's own target in the folder of the day. */
  wanted: ByteName;
  /** The folder of the day. It is never numbered: a file in its place is a fault of the warehouse. */
  partition: ByteName;
  /** Readers take the outputs of the file's chain: the file itself lies with the originals. */
  isOriginal: boolean;
  outputs: readonly { tag: string; suffix: string }[];
}

/** The `n`th choice of a job's targets. */
export function nthTargets(named: Named, n: number): Targets {
  const { wanted, outputs } = named;
  const folder = folderOf(wanted);
  const name = baseOf(wanted);
  const stem = name.replace(FORMAT, '') || name;
  const numbered = n <= 1 ? '' : `~${n}`;
  return {
    target: placeOfFile(named, joinNames(folder, nthName(name, n))),
    outputs: outputs.map(({ tag, suffix }) =>
      placeOfOutput(tag, joinNames(folder, shortened(stem as ByteName, `${numbered}${suffix}`))),
    ),
  };
}

/** The paths in the warehouse that stand for one path of a day, for these names. */
export const placesOf = (named: Named, path: ByteName): ByteName[] => [
  ...new Set([placeOfFile(named, path), ...named.outputs.map(({ tag }) => placeOfOutput(tag, path))]),
];

const placeOfFile = ({ isOriginal }: Named, path: ByteName) => (isOriginal ? joinNames(ORIGINALS, path) : path);
const placeOfOutput = (tag: string, path: ByteName) => (tag === REJECT ? joinNames(REJECTS, path) : path);
