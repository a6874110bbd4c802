/**
 * Renames of the ingestor, by who writes in the two places. `deliver`: a file of ours gets a name where others write.
 * `moveOwn`: only we write in both. The third, `take` (src/ingest/files/take.ts), gets a file out of a place where others
 * write.
 * Guarantees: nothing is overwritten, also where the filesystem knows no RENAME_NOREPLACE (FUSE, NFS, ZFS before 2.2). That
 * is found out by trying: such a rename changes nothing.
 * Does not: decide anything for a whole filesystem. A partition may be another one than its warehouse.
 */
import { fsyncSync } from 'node:fs';
import {
  type ByteName,
  isUnknownFlag,
  LinuxError,
  linkAt,
  refuseTaken,
  renameNoReplace,
  renameReplacing,
  statAtOrNone,
  unlinkAt,
} from '../linux/index.js';
import type { Entry } from './directories.js';
import { nthName } from './job-paths.js';
import { filesystemOf } from './mounts.js';
import { noSafeRename } from './place-error.js';

/**
 * `exists`: another file has the name. `across`: the name is on another mount, or the file may not be linked (of another
 * owner, or it has too many names), so only a copy that is ours can get the name.
 */
export type RenameResult = 'renamed' | 'exists' | 'across';

/** Answers of link(2) to which a copy that is ours helps, or that mean a filesystem without links. */
const NOT_LINKED = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOSYS', 'ENOTSUP']);

/** Gives a file of ours a name in a place where others write. Errors: LinuxError. */
export function deliver(from: Entry, to: Entry): RenameResult {
  try {
    renameNoReplace(from.dir, from.name, to.dir, to.name);
    return 'renamed';
  } catch (error) {
    if (isUnknownFlag(error)) return byLink(from, to);
    return notRenamed(from, to, error);
  }
}

/**
 * A link never replaces either. A reader may have the file from the link on, so what may follow is only the removal of our
 * own name: the link is on disk before it, and a process that dies in between finds one file under both names.
 */
function byLink(from: Entry, to: Entry): RenameResult {
  try {
    linkAt(from.dir, from.name, to.dir, to.name);
  } catch (error) {
    return notRenamed(from, to, error);
  }
  removeOwnName(from, to);
  return 'renamed';
}

function notRenamed(from: Entry, to: Entry, error: unknown): RenameResult {
  if (!(error instanceof LinuxError)) throw error;
  if (error.code === 'EEXIST') return wasDelivered(from, to) ? 'renamed' : 'exists';
  if (error.code === 'EXDEV' || (error.call === 'linkat' && NOT_LINKED.has(error.code))) return 'across';
  throw error;
}

/** True where both names are of one file: it was delivered before a crash. Our own name is removed then. */
export function wasDelivered(from: Entry, to: Entry): boolean {
  const [ours, theirs] = [statAtOrNone(from.dir, from.name), statAtOrNone(to.dir, to.name)];
  if (ours?.kind !== 'file' || ours.ino !== theirs?.ino || ours.dev !== theirs.dev) return false;
  removeOwnName(from, to);
  return true;
}

function removeOwnName(from: Entry, to: Entry): void {
  fsyncSync(to.dir);
  unlinkAt(from.dir, from.name);
}

/**
 * As `deliver`, for a file that this process made on the filesystem of its name: a copy cannot help any more.
 * Errors: NoSafeRename; LinuxError.
 */
export function deliverCopy(from: Entry, to: Entry): 'renamed' | 'exists' {
  const came = deliver(from, to);
  if (came !== 'across') return came;
  const way = safeRenameAt(from, { dir: from.dir, name: `${from.name}.probe` as ByteName });
  if (typeof way === 'object') throw noSafeRename(filesystemOf(to.dir), way);
  // The filesystem has a way, but not to this name: EINVAL is also what it says of a name that it does not take.
  const again = way === 'rename' ? renameNoReplace : linkAt;
  again(from.dir, from.name, to.dir, to.name);
  if (way === 'link') removeOwnName(from, to);
  return 'renamed';
}

/** The answers of a filesystem that has neither way. */
export interface Lacks {
  rename: string;
  link: string;
}

/** Asks which way a filesystem has, by a file of ours and a name that is free. The file keeps its name. Errors: LinuxError. */
export function safeRenameAt(file: Entry, free: Entry): 'rename' | 'link' | Lacks {
  const rename = refusal(() => renameNoReplace(file.dir, file.name, free.dir, free.name));
  if (rename === undefined) {
    renameNoReplace(free.dir, free.name, file.dir, file.name);
    return 'rename';
  }
  const link = refusal(() => linkAt(file.dir, file.name, free.dir, free.name));
  if (link !== undefined) return { rename, link };
  unlinkAt(free.dir, free.name);
  return 'link';
}

function refusal(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof LinuxError && (isUnknownFlag(error) || NOT_LINKED.has(error.code))) return error.code;
    throw error;
  }
}

/**
 * Renames within places where only we write, and the markers of periods (mark.ts). Where the flag is unknown, the name is looked at first: nobody else makes it
 * in between, since it has the id of a job, and a job has one claim. A link would do for our own files alone: an ordinary
 * user may not link the file of an uploader. Errors: LinuxError; EEXIST.
 */
export function moveOwn(from: Entry, to: Entry): void {
  try {
    renameNoReplace(from.dir, from.name, to.dir, to.name);
  } catch (error) {
    if (!isUnknownFlag(error)) throw error;
    refuseTaken(to.dir, to.name);
    renameReplacing(from.dir, from.name, to.dir, to.name);
  }
}

/** A job may put away several files of one kind, such as the sidecar of each version that was replaced before its own seal. */
export function moveOwnToFree(from: Entry, to: Entry): void {
  for (let n = 1; ; n++) {
    try {
      moveOwn(from, { dir: to.dir, name: nthName(to.name, n) });
      return;
    } catch (error) {
      if (!(error instanceof LinuxError) || error.code !== 'EEXIST') throw error;
    }
  }
}
