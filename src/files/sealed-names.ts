/**
 * What lies in `underprocess/`, read backwards: each name says its job and its path. Also in the work directories that
 * lie inside mounts below the input.
 * Guarantees: streams; a directory of a million names is never held as a list.
 */
import { type ByteName, joinNames, LinuxError, statAtOrNone } from '../linux/index.js';
import type { Directories } from './directories.js';
import { type FeedFiles, INNER_WORK } from './feed-files.js';
import { mountsBelow } from './mounts.js';
import { namesIn } from './names-in.js';
import { type Part, parseWorkName, UNDERPROCESS } from './places.js';

export interface SealedName {
  jobId: string;
  part: Part;
  /** Of the file in the input. Undefined: a folder `JOBID~` with nothing in it. */
  path: ByteName | undefined;
  /** '' = the feed's own work directory; else the mount that its work directory lies in. */
  inside: ByteName;
  /** In `underprocess/`; a folder where the path lies raw in it. */
  name: ByteName;
}

export function* sealedNames(files: FeedFiles): Generator<SealedName> {
  files.work('' as ByteName).make(UNDERPROCESS, 0o700);
  for (const inside of ['' as ByteName, ...innerWorks(files)]) {
    const work = files.work(inside);
    for (const name of namesIn(work.directory(UNDERPROCESS))) {
      const found = parseWorkName(name);
      if (!found) continue;
      const path = found.path ?? onlyPathBelow(work, joinNames(UNDERPROCESS, name));
      yield { ...found, path, inside, name };
    }
  }
}

function innerWorks(files: FeedFiles): ByteName[] {
  return mountsBelow(files.roots.input).filter((inside) => {
    try {
      files.input.directory(joinNames(inside, INNER_WORK, UNDERPROCESS));
      return true;
    } catch (error) {
      if (error instanceof LinuxError) return false; // nothing was ever sealed in that mount, or it lies below another one
      throw error;
    }
  });
}

/** Of a folder `JOBID~`, in which one path lies raw. */
function onlyPathBelow(work: Directories, folder: ByteName): ByteName | undefined {
  for (let at = folder; ; ) {
    const [name] = namesIn(work.directory(at));
    if (name === undefined) return undefined;
    const stat = statAtOrNone(work.directory(at), name);
    at = joinNames(at, name);
    if (stat?.kind !== 'directory') return at.slice(folder.length + 1) as ByteName;
  }
}
