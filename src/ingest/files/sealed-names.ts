/**
 * Reads the names in `underprocess/`, `duplicates/` or `failed/` back into job and path, also in the work directories inside
 * mounts below the input.
 * Guarantees: streams; a directory of a million names is never kept as a list.
 */

import type { Directories } from '../../files/directories.js';
import { type ParsedName, parseWorkName, UNDERPROCESS, type WorkFolder } from '../../files/job-paths.js';
import { boundariesBelow } from '../../files/mounts.js';
import { namesIn } from '../../files/names-in.js';
import { type ByteName, joinNames, LinuxError, statAtOrNone } from '../../linux/index.js';
import { type FeedFiles, INNER_WORK, statEntry } from './feed-files.js';

/** `path`: the file's path in the input. Undefined: an empty folder `JOBID~`, or the claims of a job (`take.ts`). */
export interface NameAt extends ParsedName {
  /** The name in that folder. For a path that is stored unencoded it is the name of a folder. */
  name: ByteName;
}

export interface WorkName extends NameAt {
  /** '' = the feed's own work directory; else the mount that has its work directory. */
  inside: ByteName;
}

export function* sealedNames(files: FeedFiles): Generator<WorkName> {
  files.work('' as ByteName).make(UNDERPROCESS, 0o700);
  yield* workNames(files, UNDERPROCESS);
}

/** The names in one folder of every work directory that has it. */
export function* workNames(files: FeedFiles, folder: WorkFolder): Generator<WorkName> {
  for (const inside of ['' as ByteName, ...boundariesBelow(files.roots.input)]) {
    const dir = directoryOf(files, inside, folder);
    if (dir === undefined) continue;
    for (const found of namesAt(files.work(inside), folder, dir)) yield { ...found, inside };
  }
}

/** The names of jobs in one folder of a work directory. */
export function* namesAt(work: Directories, folder: ByteName, dir: number): Generator<NameAt> {
  for (const name of namesIn(dir)) {
    const found = parseWorkName(name);
    if (!found) continue;
    const isFolder = found.path === undefined && found.part !== 'claims';
    yield { ...found, ...(isFolder && { path: onlyPathBelow(work, joinNames(folder, name)) }), name };
  }
}

/** The position of a found file in its work directory. A long name lies in a folder of its own. */
export const whereIn = (folder: WorkFolder, { name, path }: NameAt): ByteName =>
  name.endsWith('~') ? joinNames(folder, joinNames(name, path!)) : joinNames(folder, name);

function directoryOf(files: FeedFiles, inside: ByteName, folder: WorkFolder): number | undefined {
  try {
    if (inside !== '') files.input.directory(joinNames(inside, joinNames(INNER_WORK, folder)));
    return files.work(inside).directory(folder);
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    // Nothing was ever put there. A mount may also lie below another mount.
    if (inside !== '' || error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The only path below a folder `JOBID~`. Undefined where it is no folder: somebody else put it there. */
function onlyPathBelow(work: Directories, folder: ByteName): ByteName | undefined {
  if (statEntry(work.entry(folder))?.kind !== 'directory') return undefined;
  for (let at = folder; ; ) {
    const [name] = namesIn(work.directory(at));
    if (name === undefined) return undefined;
    const stat = statAtOrNone(work.directory(at), name);
    at = joinNames(at, name);
    if (stat?.kind !== 'directory') return at.slice(folder.length + 1) as ByteName;
  }
}
