/**
 * Both trees, open for a stretch of work: everything is looked up relative to these descriptors, through no symlink.
 * Does not: outlive its stretch; a descriptor that is kept would keep a filesystem from being unmounted.
 */
import { closeSync } from 'node:fs';
import { Directories } from '../../files/directories.js';
import { baseOf, folderOf } from '../../files/places.js';
import { type ByteName, openDirectory, type Stat, statAtOrNone } from '../../linux/index.js';
import { DestMissing, isGone } from './failures.js';
import { Lanes } from './lanes.js';
import { limits } from './limits.js';
import { HIDDEN } from './rules.js';

export const MAKING = 'making' as ByteName;

export class Trees {
  readonly source: Directories;
  readonly dest: Directories;
  /** Directories of DEST in which something was done: to be given their attributes again, and synced. */
  readonly touched = new Set<ByteName>();

  /** What was put aside into `making`, to be removed. */
  readonly aside: ByteName[] = [];
  readonly lanes = new Lanes(limits.lanes);
  #making: number | undefined;

  /** Takes the descriptors over. */
  constructor(sourceFd: number, destFd: number) {
    this.source = new Directories(sourceFd);
    this.dest = new Directories(destFd);
  }

  /** Where files are made before they get their name. Errors: DestMissing. */
  get making(): number {
    try {
      this.#making ??= openDirectory(this.dest.rootFd, `${HIDDEN}/${MAKING}` as ByteName);
      return this.#making;
    } catch (error) {
      throw isGone(error) ? new DestMissing('no_marker') : error;
    }
  }

  /** Undefined: there is nothing by that path. Errors: whatever else keeps it from being looked at. */
  inSource = (path: ByteName): Stat | undefined => statIn(this.source, path);
  inDest = (path: ByteName): Stat | undefined => statIn(this.dest, path);

  close(): void {
    if (this.#making !== undefined) closeSync(this.#making);
    this.source.close();
    this.dest.close();
  }
}

/** Undefined: there is nothing by that path. */
export function statIn(directories: Directories, path: ByteName): Stat | undefined {
  try {
    return statAtOrNone(directories.directory(folderOf(path)), baseOf(path));
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
