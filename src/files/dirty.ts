/**
 * The directories that a batch has changed, to be made durable together before its commit.
 * Guarantees: after `sync()` every rename, link and unlink in them is on disk. Errors: PlaceError of the root that failed.
 */
import { fsync } from 'node:fs';
import { promisify } from 'node:util';
import { type ByteName, fsKindOf, LinuxError, syncFs } from '../linux/index.js';
import type { Directories } from './directories.js';
import { inPlaceAsync } from './place-error.js';

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
  if (paths.size >= SYNCFS_FROM && fsKindOf(directories.rootFd).syncfsHonoured) await syncFs(directories.rootFd);
  else for (const path of paths) await syncOne(directories, path);
}

/** One after the other: the first fsync commits the journal for all, the next ones find nothing to do. */
async function syncOne(directories: Directories, path: ByteName): Promise<void> {
  try {
    await fsyncAsync(directories.directory(path));
  } catch (error) {
    // An uploader removed the emptied directory: its parent's removal of it is not ours to make durable.
    if (!(error instanceof LinuxError) || (error.code !== 'ENOENT' && error.code !== 'ENOTDIR')) throw error;
  }
}
