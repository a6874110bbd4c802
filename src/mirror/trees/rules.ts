/**
 * Which paths belong to the mirror. What does not is left alone on both sides: never copied, and never removed.
 * A directory that is left out hides all below it; --include speaks of everything but directories.
 */
import { folderOf } from '../../files/places.js';
import { type ByteName, nameOfText } from '../../linux/index.js';
import { matcherOf } from '../../watcher/options/globs.js';

/** In DEST: the marker, the lock, files in the making. What lies under this name in a SOURCE is some other mirror's. */
export const HIDDEN = nameOfText('.ingest-replicate');

/** Made by the filesystem at its root, of either side. */
export const LOST_AND_FOUND = nameOfText('lost+found');

export class Rules {
  /** Nothing is left out, so a directory that goes may go whole. */
  readonly all: boolean;
  readonly #included: ((path: ByteName) => boolean) | undefined;
  readonly #excluded: ((path: ByteName) => boolean) | undefined;

  constructor({ include = [], exclude = [] }: { include?: readonly string[]; exclude?: readonly string[] }) {
    this.#included = matcherOf(include);
    this.#excluded = matcherOf(exclude);
    this.all = include.length + exclude.length === 0;
  }

  /** For a path whose directories are known to belong to it. */
  covers(path: ByteName, isDirectory: boolean): boolean {
    if (path === HIDDEN || path === LOST_AND_FOUND || this.#excluded?.(path)) return false;
    return isDirectory || this.#included === undefined || this.#included(path);
  }

  /** The same for any path. */
  coversAll(path: ByteName, isDirectory: boolean): boolean {
    for (let at = folderOf(path); at !== ''; at = folderOf(at)) if (!this.covers(at, true)) return false;
    return this.covers(path, isDirectory);
  }
}
