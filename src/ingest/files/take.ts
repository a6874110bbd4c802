/**
 * Takes a file out of a place where others write (the seal, a withdrawal, the discard of a file that was never sealed) to a
 * name of a job in its work directory.
 * Guarantees: nothing is overwritten, and nobody's next version is removed. Where the filesystem knows no RENAME_NOREPLACE, the
 * file is renamed into a folder that this claim has just made, `underprocess/JOBID.claims~/CLAIM`, where nothing can lie, and from
 * there to its name. A link and an unlink would not do: an uploader that renames its next version over the name between the two
 * loses that version, and an ordinary user may not link an uploader's file.
 * Does not: sync. The caller syncs both directories before it commits what it took.
 */
import type { Directories, Entry } from '../../files/directories.js';
import { claimsOf, folderOf, type Part, UNDERPROCESS, type WorkFolder } from '../../files/job-paths.js';
import { moveOwn } from '../../files/moves.js';
import { namesIn } from '../../files/names-in.js';
import { inPlace } from '../../files/place-error.js';
import {
  type ByteName,
  isUnknownFlag,
  joinNames,
  makeDirectoryAt,
  nameOfText,
  refuseTaken,
  renameNoReplace,
  renameReplacing,
} from '../../linux/index.js';
import { type FeedFiles, statEntry, type WorkKey } from './feed-files.js';
import { namesAt } from './sealed-names.js';

/** The job, by the claim that takes a file for it. */
export interface Taker extends WorkKey {
  readonly claimNo: number;
}

export interface Takes {
  part: Part;
  from: Entry;
  /** The root in which others write. */
  place: 'input' | 'warehouse';
  /** The folder of the work directory in which it gets its name. */
  folder?: WorkFolder;
}

/** Errors: LinuxError; EEXIST when the job has such a file already, EXDEV across mounts. PlaceError. */
export function take(files: FeedFiles, job: Taker, { part, from, place, folder = UNDERPROCESS }: Takes): void {
  const { roots } = files;
  const to = inPlace('work', roots.work, 'write', () => files.makeWorkEntry(job, part, folder));
  try {
    inPlace(place, roots[place], 'write', () => renameNoReplace(from.dir, from.name, to.dir, to.name));
  } catch (error) {
    if (!isUnknownFlag(error)) throw error;
    takeByFolder(files, job, { part, from, place, folder });
  }
}

function takeByFolder(files: FeedFiles, job: Taker, { part, from, place, folder }: Required<Takes>): void {
  const { roots } = files;
  const work = files.work(job.inside);
  bringOn(files, job, folder);
  const to = files.makeWorkEntry(job, part, folder);
  refuseTaken(to.dir, to.name);
  const claim = inPlace('work', roots.work, 'write', () => makeClaimFolder(work, job));
  try {
    const into = inPlace('work', roots.work, 'write', () => files.makeWorkEntry(job, part, claim));
    inPlace(place, roots[place], 'write', () => renameReplacing(from.dir, from.name, into.dir, into.name));
    moveOwn(files.makeWorkEntry(job, part, claim), files.makeWorkEntry(job, part, folder));
  } finally {
    work.removeEmpty(folderOf(files.workPath(job, part, claim)), UNDERPROCESS);
  }
}

/** One that exists is refused: only in a new folder nothing can be replaced. */
function makeClaimFolder(work: Directories, { id, claimNo }: Taker): ByteName {
  const name = nameOfText(String(claimNo));
  makeDirectoryAt(work.make(claimsOf(id), 0o700), name, 0o700);
  return joinNames(claimsOf(id), name);
}

/** A file that was found in the folder of a claim, and has its name now. */
export interface Brought {
  part: Part;
  path: ByteName;
}

/**
 * Looks into the folders of a job's claims: a claim that died in `take` has left a file there. Each file gets its name, and each
 * folder is removed. So a rename that such a claim had still under way finds no folder any more.
 * Does not: replace a file of the job. The one in the folder stays there then, until the job has ended and the reaper adopts it.
 */
export function bringOn(
  files: FeedFiles,
  { id, inside }: Pick<WorkKey, 'id' | 'inside'>,
  folder: WorkFolder = UNDERPROCESS,
): Brought[] {
  const work = files.work(inside);
  const brought: Brought[] = [];
  for (const name of listOf(files, work, claimsOf(id), namesIn)) {
    const claim = joinNames(claimsOf(id), name);
    for (const found of listOf(files, work, claim, (dir) => namesAt(work, claim, dir))) {
      const { part, path } = found;
      if (part === 'claims') continue;
      if (path === undefined) work.removeEmpty(innermost(work, joinNames(claim, found.name)), claim);
      else if (bring(files, { id, path, inside }, part, { claim, folder })) brought.push({ part, path });
    }
    work.removeEmpty(claim, UNDERPROCESS);
  }
  return brought;
}

function bring(files: FeedFiles, job: WorkKey, part: Part, at: { claim: ByteName; folder: WorkFolder }): boolean {
  const to = files.makeWorkEntry(job, part, at.folder);
  const from = files.workEntry(job, part, at.claim);
  if (!from || statEntry(to)) return false;
  moveOwn(from, to);
  files.work(job.inside).removeEmpty(folderOf(files.workPath(job, part, at.claim)), at.claim);
  return true;
}

/** Listed before anything in it is renamed. Nothing where the folder is missing. */
function listOf<T>(files: FeedFiles, work: Directories, folder: ByteName, read: (dir: number) => Iterable<T>): T[] {
  const here = files.entryOrNone(work, joinNames(folder, nameOfText('.')));
  return here ? [...read(here.dir)] : [];
}

/** The innermost of the folders of a long name, of a claim that died before its rename. */
function innermost(work: Directories, folder: ByteName): ByteName {
  const [name] = namesIn(work.directory(folder));
  return name === undefined ? folder : innermost(work, joinNames(folder, name));
}
