/**
 * The directories that a batch has changed, to be made durable together before its commit.
 * Guarantees: after `sync()` every rename, link and unlink in them is on disk. Errors: PlaceError of the root that failed.
 * Does not: follow a directory that left its path meanwhile; see `syncOne`.
 */
import { fsync } from 'node:fs';
import { promisify } from 'node:util';
import { type ByteName, fsKindOf, LinuxError, shownName, syncFs } from '../linux/index.js';
import type { Directories } from './directories.js';
import { sameMount } from './mounts.js';
import { inPlaceAsync, placeError } from './place-error.js';

const fsyncAsync = promisify(fsync);
/** From so many directories of one root on, one syncfs is cheaper. */
const SYNCFS_FROM = 32;

export class DirtyDirectories {
  readonly #paths = new Map<Directories, Set<ByteName>>();

  add(directories: Directories, path: ByteName): void {
    const known = this.#paths.get(directories);
    if (known) known.add(path);
    else this.#paths.set(directories, new Set([path]));
  }

  async sync(): Promise<void> {
    for (const [directories, paths] of this.#paths) {
      const { place } = directories;
      if (place) await inPlaceAsync(place.kind, place.path, 'write', () => syncAll(directories, paths));
      else await syncAll(directories, paths);
    }
    this.#paths.clear();
  }
}

async function syncAll(directories: Directories, paths: ReadonlySet<ByteName>): Promise<void> {
  if (paths.size < SYNCFS_FROM || !fsKindOf(directories.rootFd).syncfsHonoured) return syncEach(directories, paths);
  await syncFs(directories.rootFd);
  // A sync of the root's filesystem does not reach a partition that is a mount of its own.
  await syncEach(
    directories,
    [...paths].filter((path) => !isOnRootsMount(directories, path)),
  );
}

function isOnRootsMount(directories: Directories, path: ByteName): boolean {
  try {
    return sameMount(directories.rootFd, directories.directory(path));
  } catch (error) {
    // One that cannot be opened is met by `syncOne`.
    if (error instanceof LinuxError) return false;
    throw error;
  }
}

async function syncEach(directories: Directories, paths: Iterable<ByteName>): Promise<void> {
  for (const path of paths) await syncOne(directories, path);
}

/** One after the other: the first fsync commits the journal for all, the next ones find nothing to do. */
async function syncOne(directories: Directories, path: ByteName): Promise<void> {
  try {
    await fsyncAsync(directories.directory(path));
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    // An uploader removed the emptied directory: its parent's removal of it is not ours to make durable.
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return;
    if (error.code !== 'ELOOP' && error.code !== 'EACCES') throw error;
    await syncUnreached(directories, path, error.code);
  }
}

/**
 * The directory is there, but not ours to enter any more: moved away behind a symlink, or closed by its owner. From an
 * input a name went, whose file has its new name in the work directory, which is synced by itself: where it comes back
 * after a power cut it is only a duplicate. Its filesystem is synced, wherever on it the directory is now. Everywhere else
 * a name came to be, and nothing may be called done before that is on disk.
 */
async function syncUnreached(directories: Directories, path: ByteName, code: string): Promise<void> {
  const { place } = directories;
  if (place && place.kind !== 'input') throw placeError(place.kind, `${place.path}/${shownName(path)}`, code);
  await syncFs(directories.rootFd);
}
