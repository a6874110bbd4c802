/**
 * Puts a source at its reserved target: by a rename, or, where that is not possible (src/files/moves.ts), by a copy under a
 * temporary name. Only the call decides, not st_dev: two bind mounts of one filesystem give EXDEV with equal st_dev.
 * Guarantees: nothing is ever overwritten. A file that is already at the target counts only when it is the source's own inode
 * or hashes to the ledger's SHA-256.
 */
import assert from 'node:assert/strict';
import { closeSync, fdatasync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { type CopyBounds, copyTo, removeIfThere } from '../../files/copy.js';
import { digestWhole } from '../../files/digest.js';
import type { Directories, Entry } from '../../files/directories.js';
import { baseOf, folderOf, sharedFolders } from '../../files/job-paths.js';
import { sameMount } from '../../files/mounts.js';
import { deliver, deliverCopy, type RenameResult, wasDelivered } from '../../files/moves.js';
import { inPlace } from '../../files/place-error.js';
import { openEntry } from '../../files/probe.js';
import type { Throttle } from '../../files/rate-limit.js';
import { type ByteName, joinNames, nameOfText, type Stat, shownName, statFd, unlinkAt } from '../../linux/index.js';
import { outputPrefix } from '../chains/recorded-outputs.js';
import { statEntry } from '../files/feed-files.js';
import { sameBytes } from '../rules/verified.js';

const fdatasyncAsync = promisify(fdatasync);

/** The folder of temporary copies, in the warehouse or in a partition that is a mount of its own. */
export const TEMPORARY = nameOfText('.ingest-tmp');

/** Names the file that is copied, and the claim that does it. No two copies of a job share a name, so a late call meets no other one. */
export interface Copy {
  /** The job's. */
  id: string;
  /** 0: the job's own file; else the number of its output. */
  n: number;
  claimNo: number;
}

/** The name of a copy in the temporary directory. */
export const copyName = ({ id, n, claimNo }: Copy): ByteName => nameOfText(`${id}.${n}.${claimNo}`);

/** Whether a name in the temporary directory is of a copy that this claim makes. */
export const isCopyOf = (name: ByteName, { id, claimNo }: Omit<Copy, 'n'>): boolean =>
  name.startsWith(`${id}.`) && name.endsWith(`.${claimNo}`) && !name.startsWith(outputPrefix(id));

export type PutByBytes = 'copied' | 'there' | 'taken' | 'wrong_bytes';
export type Put = 'renamed' | PutByBytes;

export interface Source {
  entry: Entry;
  stat: Stat;
  sha256: Buffer;
  /** Names the temporary file. */
  copy: Copy;
  bounds?: CopyBounds;
}

/** Errors: those of the system calls. */
export const renameTo = (warehouse: Directories, target: ByteName, from: Entry): RenameResult =>
  deliver(from, entryFor(warehouse, target));

/** A missing folder is made. */
function entryFor(root: Directories, target: ByteName): Entry {
  inSharedFolders(root, target, (folder) => root.make(folder));
  return { dir: root.make(folderOf(target)), name: baseOf(target) };
}

/** Errors: PlaceError where such a folder is no folder, because that concerns every file of the day. */
export function inSharedFolders({ place }: Directories, target: ByteName, act: (folder: ByteName) => void): void {
  assert(place, 'only a root of a feed has targets');
  for (const folder of sharedFolders(target))
    inPlace(place.kind, `${place.path}/${shownName(folder)}`, 'folder', () => act(folder));
}

/** Handles a file that could not be renamed. Errors: those of the system calls. */
export async function putByBytes(
  warehouse: Directories,
  target: ByteName,
  source: Source,
  came: 'exists' | 'across',
): Promise<PutByBytes> {
  const to = entryFor(warehouse, target);
  if (came === 'exists') return compared(to, source, source.stat);
  return copyAcross(warehouse, folderOf(target), to, source);
}

async function copyAcross(warehouse: Directories, folder: ByteName, to: Entry, source: Source): Promise<PutByBytes> {
  const temporaryIn = sameMount(warehouse.rootFd, to.dir) ? TEMPORARY : joinNames(folder, TEMPORARY);
  const temporary: Entry = {
    dir: warehouse.make(temporaryIn, 0o700),
    name: copyName(source.copy),
  };
  if (removeEarlier(temporary.dir, source.copy.id, to)) return 'there';
  // Checked before gigabytes are copied for a name that is taken.
  if (statEntry(to)) return compared(to, source, source.stat);
  const opened = openEntry(source.entry);
  if (opened.fd === undefined) throw new Error(`the sealed file cannot be opened (${opened.code})`);
  try {
    const digest = await copyTo(opened.fd, source.stat, temporary, source.bounds);
    if (!digest.sha256.equals(source.sha256)) {
      unlinkAt(temporary.dir, temporary.name);
      return 'wrong_bytes';
    }
    return await giveName(temporary, { dir: warehouse.make(folder), name: to.name }, source);
  } catch (error) {
    removeIfThere(warehouse.make(temporaryIn, 0o700), temporary.name);
    throw error;
  } finally {
    closeSync(opened.fd);
  }
}

/**
 * Removes temporary files of earlier claims of this job whose process died. Nobody else would find them soon. Returns true where
 * one of them has the target's name already.
 */
function removeEarlier(dir: number, id: string, to: Entry): boolean {
  let isThere = false;
  for (const name of readdirSync(`/proc/self/fd/${dir}`, 'latin1') as ByteName[]) {
    if (!name.startsWith(`${id}.`) || name.startsWith(outputPrefix(id))) continue;
    if (wasDelivered({ dir, name }, to)) isThere = true;
    else removeIfThere(dir, name);
  }
  return isThere;
}

async function giveName(temporary: Entry, to: Entry, source: Source): Promise<PutByBytes> {
  if (deliverCopy(temporary, to) === 'renamed') return 'copied';
  unlinkAt(temporary.dir, temporary.name);
  return compared(to, source);
}

const compared = async (to: Entry, { sha256, bounds }: Source, stat?: Stat): Promise<'there' | 'taken'> =>
  (await isContent(to, sha256, stat, bounds?.throttle)) ? 'there' : 'taken';

/** True where the file at an entry is the source's inode, or has the content's bytes. */
export async function isContent(
  entry: Entry,
  sha256: Buffer,
  source: Stat | undefined,
  throttle?: Throttle,
): Promise<boolean> {
  const lies = source && statEntry(entry);
  if (lies?.kind === 'file' && lies.ino === source?.ino && lies.dev === source.dev) return true;
  return (await contentAt(entry, throttle, true))?.equals(sha256) ?? false;
}

/**
 * The SHA-256 of the file at an entry; undefined where no file can be read there, or where another one came meanwhile. `isToSync`: its
 * bytes are on disk then, whoever wrote them.
 */
export async function contentAt(entry: Entry, throttle?: Throttle, isToSync = false): Promise<Buffer | undefined> {
  const { fd } = openEntry(entry);
  if (fd === undefined) return undefined;
  try {
    const stat = statFd(fd);
    if (stat.kind !== 'file') return undefined;
    const { sha256 } = await digestWhole(fd, stat.size, throttle);
    if (isToSync) await fdatasyncAsync(fd);
    const lies = statEntry(entry);
    // A consumer may have taken it meanwhile. It had these bytes.
    return !lies || sameBytes(stat.version, lies) ? sha256 : undefined;
  } finally {
    closeSync(fd);
  }
}
