/**
 * Puts a source at its reserved target: by a rename, or, where that gives EXDEV, by a copy under a temporary name. Only EXDEV
 * decides, not st_dev: two bind mounts of one filesystem give EXDEV with equal st_dev.
 * Guarantees: nothing is ever overwritten. A file that is already at the target counts only when it is the source's own inode
 * or hashes to the ledger's SHA-256.
 */
import { closeSync, readdirSync } from 'node:fs';
import { type CopyBounds, copyTo, removeIfThere } from '../../files/copy.js';
import { digestThrottled } from '../../files/digest.js';
import type { Directories, Entry } from '../../files/directories.js';
import type { DirtyDirectories } from '../../files/dirty.js';
import { baseOf, folderOf } from '../../files/job-paths.js';
import { sameMount } from '../../files/mounts.js';
import { openEntry } from '../../files/probe.js';
import type { Throttle } from '../../files/rate-limit.js';
import {
  type ByteName,
  joinNames,
  LinuxError,
  nameOfText,
  renameNoReplace,
  type Stat,
  statFd,
  unlinkAt,
} from '../../linux/index.js';
import { statEntry } from '../files/feed-files.js';
import { outputPrefix } from '../outputs/recorded.js';

/** The folder of temporary copies, in the warehouse or in a partition that is a mount of its own. */
export const TEMPORARY = nameOfText('.ingest-tmp');

export type PutByBytes = 'copied' | 'there' | 'taken' | 'wrong_bytes';
export type Put = 'renamed' | PutByBytes;

export interface Source {
  entry: Entry;
  stat: Stat;
  sha256: Buffer;
  /** The claim that makes the copy. It names the temporary file. */
  claim: { id: string; claimNo: number };
  bounds?: CopyBounds;
}

/** Renames. `exists`: there is a file already. `across`: the target is on another mount. Errors: those of the system calls. */
export function renameTo(warehouse: Directories, target: ByteName, from: Entry): 'renamed' | 'exists' | 'across' {
  const to = entryFor(warehouse, target);
  try {
    renameNoReplace(from.dir, from.name, to.dir, to.name);
    return 'renamed';
  } catch (error) {
    const { code } = error as { code?: string };
    if (!(error instanceof LinuxError) || (code !== 'EEXIST' && code !== 'EXDEV')) throw error;
    return code === 'EEXIST' ? 'exists' : 'across';
  }
}

/** A missing folder is made. */
function entryFor(warehouse: Directories, target: ByteName): Entry {
  return { dir: warehouse.make(folderOf(target)), name: baseOf(target) };
}

/** Errors: those of the system calls. */
export async function putAtTarget(
  warehouse: Directories,
  target: ByteName,
  source: Source,
  dirty: DirtyDirectories,
): Promise<Put> {
  const came = renameTo(warehouse, target, source.entry);
  dirty.add(warehouse, folderOf(target));
  return came === 'renamed' ? came : putByBytes(warehouse, target, source, came);
}

/** Handles a file that could not be renamed. Errors: those of the system calls. */
export async function putByBytes(
  warehouse: Directories,
  target: ByteName,
  source: Source,
  came: 'exists' | 'across',
): Promise<PutByBytes> {
  const to = entryFor(warehouse, target);
  if (came === 'exists')
    return (await isContent(to, source.sha256, source.stat, source.bounds?.throttle)) ? 'there' : 'taken';
  return copyAcross(warehouse, folderOf(target), to, source);
}

async function copyAcross(warehouse: Directories, folder: ByteName, to: Entry, source: Source): Promise<PutByBytes> {
  // Checked before gigabytes are copied for a name that is taken.
  if (statEntry(to))
    return (await isContent(to, source.sha256, source.stat, source.bounds?.throttle)) ? 'there' : 'taken';
  const temporaryIn = sameMount(warehouse.rootFd, to.dir) ? TEMPORARY : joinNames(folder, TEMPORARY);
  const temporary: Entry = {
    dir: warehouse.make(temporaryIn, 0o700),
    name: nameOfText(`${source.claim.id}.${source.claim.claimNo}`),
  };
  removeEarlier(temporary.dir, source.claim.id);
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

/** Removes temporary files of earlier claims of this job whose process died. Nobody else would find them soon. */
function removeEarlier(dir: number, id: string): void {
  for (const name of readdirSync(`/proc/self/fd/${dir}`, 'latin1') as ByteName[])
    if (name.startsWith(`${id}.`) && !name.startsWith(outputPrefix(id))) removeIfThere(dir, name);
}

async function giveName(temporary: Entry, to: Entry, source: Source): Promise<PutByBytes> {
  try {
    renameNoReplace(temporary.dir, temporary.name, to.dir, to.name);
    return 'copied';
  } catch (error) {
    if (!(error instanceof LinuxError) || error.code !== 'EEXIST') throw error;
    unlinkAt(temporary.dir, temporary.name);
    return (await isContent(to, source.sha256, undefined, source.bounds?.throttle)) ? 'there' : 'taken';
  }
}

/** True where the file at an entry is the source's inode, or has the content's bytes. */
export async function isContent(
  entry: Entry,
  sha256: Buffer,
  source: Stat | undefined,
  throttle?: Throttle,
): Promise<boolean> {
  const lies = source && statEntry(entry);
  if (lies?.kind === 'file' && lies.ino === source?.ino && lies.dev === source.dev) return true;
  return (await contentAt(entry, throttle))?.equals(sha256) ?? false;
}

/** The SHA-256 of the file at an entry; undefined where no file can be read there. */
export async function contentAt(entry: Entry, throttle?: Throttle): Promise<Buffer | undefined> {
  const { fd } = openEntry(entry);
  if (fd === undefined) return undefined;
  try {
    const stat = statFd(fd);
    return stat.kind === 'file' ? (await digestThrottled(fd, stat.size, throttle)).sha256 : undefined;
  } finally {
    closeSync(fd);
  }
}
