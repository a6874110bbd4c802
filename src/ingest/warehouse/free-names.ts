/**
 * Chooses names that are free: not on disk, never given to another content, not chosen twice in one batch, and no file where
 * another name needs a folder.
 * The disk is checked before the planning transaction, which gives the names. A file that somebody else puts there in between is seen
 * by the move: it replaces nothing.
 */
import type { Reader } from '../../../queue/backend.js';
import { baseOf, folderOf, foldersOf, nthName } from '../../files/job-paths.js';
import { unlessMissing } from '../../files/place-error.js';
import { type ByteName, joinNames, LinuxError, type Stat, statAtOrNone } from '../../linux/index.js';
import { type Named, nthTargets, placesOf, type Targets } from '../chains/output-names.js';
import type { FeedFiles } from '../files/feed-files.js';
import { isGiven, isGivenBelow } from '../ledger/names.js';
import { inSharedFolders } from './target.js';

/** A check of the warehouse is trusted for this time. */
export const CHECK_TRUSTED_MS = 2_000;

/** How far the numbering of a name is in this process. Thousands of files of one name must not each start at 2. */
const numbering = new Map<string, number>();
const NUMBERING_MAX = 10_000;

/** What is known of a warehouse in one round, which is shorter than `CHECK_TRUSTED_MS`. */
export interface Round {
  files: FeedFiles;
  /** The names that were found, and their folders. */
  chosen: Set<ByteName>;
  /** Folders that were not there. The first names of a day would ask for its folder once each: it is made by the first move. */
  missing: Set<ByteName>;
}

/**
 * Names of a file and of its outputs, all with the same number, that are not on disk, not given, and not in `chosen`: neither the
 * name itself, nor a folder above it, nor anything below it. They are added to `chosen`, with their folders. Errors: those of the
 * system calls.
 */
export function freeTargets(reader: Reader, warehouse: number, named: Named, round: Round): Targets {
  const { files, chosen } = round;
  const isOfFile = (path: ByteName): boolean =>
    chosen.has(path) || isGiven(reader, warehouse, path) || isNoFolder(round, path);
  const isTakenAsFolder = (path: ByteName): boolean => placesOf(named, path).some(isOfFile);
  const isTaken = (target: ByteName): boolean =>
    chosen.has(target) ||
    chosen.has(asFolder(target)) ||
    isGiven(reader, warehouse, target) ||
    isGivenBelow(reader, warehouse, target) ||
    statOnDisk(round, target) !== undefined;
  const wanted = joinNames(freeFolder(named, isTakenAsFolder), baseOf(named.wanted));
  const whole = `${files.roots.warehouse}/${wanted}`;
  for (let n = 1; ; n = Math.max(n + 1, numbering.get(whole) ?? 0)) {
    const targets = nthTargets({ ...named, wanted }, n);
    const all = [targets.target, ...targets.outputs];
    if (all.some(isTaken)) {
      if (n > 1 || !numbering.has(whole)) remember(whole, n + 1);
      continue;
    }
    for (const target of all) chosen.add(target);
    for (const folder of all.flatMap(foldersOf)) chosen.add(asFolder(folder));
    return targets;
  }
}

/** A part of the folder that is the name of a file is numbered as a name is: `eu~2/orders.csv`. */
function freeFolder({ wanted, partition }: Named, isTaken: (path: ByteName) => boolean): ByteName {
  let at = partition;
  const parts = folderOf(wanted)
    .slice(partition.length + 1)
    .split('/') as ByteName[];
  for (const part of parts.filter((one) => one !== '')) {
    let n = 1;
    while (isTaken(joinNames(at, nthName(part, n)))) n++;
    at = joinNames(at, nthName(part, n));
  }
  return at;
}

/** Written so, a folder is no name of a file. */
const asFolder = (path: ByteName): ByteName => `${path}/` as ByteName;

const isNoFolder = (round: Round, path: ByteName): boolean =>
  (statOnDisk(round, path)?.kind ?? 'directory') !== 'directory';

/** Errors: those of the system calls; one of them is for a name that no file can have, another for a folder that is none. */
function statOnDisk({ files, missing }: Round, target: ByteName): Stat | undefined {
  if (missing.has(folderOf(target))) return undefined;
  try {
    const { dir, name } = files.warehouse.entry(target);
    // A name that is too long for this filesystem is not free: no file could ever have it.
    return statAtOrNone(dir, name, 'error');
  } catch (error) {
    if (error instanceof LinuxError && error.code === 'ENOENT') {
      missing.add(folderOf(target));
      return undefined;
    }
    refuseFileAsFolder(files, target);
    throw error;
  }
}

/** A file of another program may have the name of such a folder. */
function refuseFileAsFolder({ warehouse }: FeedFiles, target: ByteName): void {
  inSharedFolders(warehouse, target, (folder) => void unlessMissing(() => warehouse.directory(folder)));
}

function remember(wanted: string, next: number): void {
  if (numbering.size >= NUMBERING_MAX) numbering.clear();
  numbering.set(wanted, next);
}
