/**
 * Decides which paths belong to the mirror. Other paths are left alone on both sides: never copied, and never removed.
 * Excluding a directory excludes everything below it; --include applies to everything except directories.
 */
import { folderOf } from '../../files/job-paths.js';
import { isOwnName } from '../../files/marker.js';
import { namesIn } from '../../files/names-in.js';
import { isOfFilesystemAt } from '../../files/of-filesystem.js';
import { type ByteName, nameOfText, statAtOrNone } from '../../linux/index.js';
import { matcherOf } from '../../watcher/options/globs.js';

/**
 * The hidden folder of DEST: the marker, the lock and temporary files. If a SOURCE has this name, it belongs to another
 * mirror.
 */
export const HIDDEN = nameOfText('.ingest-replicate');

export class Rules {
  /** True: nothing is excluded, so a directory may be removed as a whole. */
  readonly all: boolean;
  readonly #included: ((path: ByteName) => boolean) | undefined;
  readonly #excluded: ((path: ByteName) => boolean) | undefined;

  constructor({ include = [], exclude = [] }: { include?: readonly string[]; exclude?: readonly string[] }) {
    this.#included = matcherOf(include);
    this.#excluded = matcherOf(exclude);
    this.all = include.length + exclude.length === 0;
  }

  /** For a path whose parent directories are known to belong to the mirror. */
  covers(path: ByteName, isDirectory: boolean): boolean {
    if (path === HIDDEN || isOwnName(path) || isOfFilesystemAt(path) || this.#excluded?.(path)) return false;
    return isDirectory || this.#included === undefined || this.#included(path);
  }

  /** For any path. */
  coversAll(path: ByteName, isDirectory: boolean): boolean {
    for (let at = folderOf(path); at !== ''; at = folderOf(at)) if (!this.covers(at, true)) return false;
    return this.covers(path, isDirectory);
  }
}

/**
 * The first name at a root that belongs to the mirror; undefined if there is none. An empty root looks like a missing filesystem.
 */
export function firstContent(rootFd: number, rules: Rules): ByteName | undefined {
  for (const name of namesIn(rootFd)) if (isContent(rootFd, name, rules)) return name;
  return undefined;
}

export function isContent(rootFd: number, name: ByteName, rules: Rules): boolean {
  const found = statAtOrNone(rootFd, name);
  return found !== undefined && rules.covers(name, found.kind === 'directory');
}
