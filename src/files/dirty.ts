/**
 * The directories that a batch has changed, made durable together before its commit.
 * Guarantees: after `sync()` every rename, link and unlink in them is on disk. Errors: PlaceError of the root that
 * failed.
 * Does not: follow a directory that was moved away from its path meanwhile; see `syncUnreached`.
 */
import { fsync } from 'node:fs';
import { promisify } from 'node:util';
import { type ByteName, fsKindOf, LinuxError, shownName, syncFs } from '../linux/index.js';
import type { Directories } from './directories.js';
import { sameMount } from './mounts.js';
import { inPlaceAsync, placeError } from './place-error.js';

const fsyncAsync = promisify(fsync);
/** From this many directories of one root on, one syncfs is cheaper. */
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
  // A syncfs of the root's filesystem does not reach a partition that is a mount of its own.
  await syncEach(
    directories,
    [...paths].filter((path) => !isOnRootsMount(directories, path)),
  );
}

function isOnRootsMount(directories: Directories, path: ByteName): boolean {
  try {
    return sameMount(directories.rootFd, directories.directory(path));
  } catch (error) {
    // `syncOne` handles a directory that cannot be opened.
    if (error instanceof LinuxError) return false;
    throw error;
  }
}

async function syncEach(directories: Directories, paths: Iterable<ByteName>): Promise<void> {
  for (const path of paths) await syncOne(directories, path);
}

/** One after the other: the first fsync commits the journal for all, and the next ones find nothing to do. */
async function syncOne(directories: Directories, path: ByteName): Promise<void> {
  try {
    await fsyncAsync(directories.directory(path));
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    // An uploader removed the empty directory. That removal is not ours to make durable.
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return;
    if (error.code !== 'ELOOP' && error.code !== 'EACCES') throw error;
    await syncUnreached(directories, path, error.code);
  }
}

/**
 * The directory exists, but we can no longer enter it: it was replaced by a symlink, or its owner closed it.
 * In an input, a name left it; the file has its new name in the work directory, which is synced separately. If a power
 * cut restores the old name, that file is only a duplicate. So it is enough to sync the filesystem, wherever the
 * directory is now.
 * In any other root, a name was created, and nothing may count as done before that is on disk.
 */
async function syncUnreached(directories: Directories, path: ByteName, code: string): Promise<void> {
  const { place } = directories;
  if (place && place.kind !== 'input') throw placeError(place.kind, `${place.path}/${shownName(path)}`, code);
  await syncFs(directories.rootFd);
}
