/**
 * Open directories below one root, each opened relative to the root and never through a symlink (openat2
 * RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS): a parent that was swapped for a symlink leads nowhere.
 * Guarantees: `close()` closes every descriptor. Every directory that `make` makes is synced with its parents.
 * Does not: live longer than a batch. Descriptors kept longer would prevent an unmount.
 */
import { fsyncSync } from 'node:fs';
import {
  type ByteName,
  closeFd,
  descriptorsMax,
  LinuxError,
  makeDirectoryAt,
  openDirectory,
  removeDirectoryAt,
} from '../linux/index.js';
import { baseOf, folderOf } from './job-paths.js';
import { type PlaceKind, unlessMissing } from './place-error.js';

/**
 * The most directories that stay open. Beyond it, the one used longest ago is closed, so the last few are always open.
 */
const OPEN_MAX = 128;
/** A rename needs two open directories. */
const OPEN_MIN = 4;
/**
 * The share of a process's descriptors. A worker needs about fifty for itself, and runs several batches, each with its
 * roots.
 */
const RESERVED = 64;
const SHARE = 8;
const openMax = (): number => Math.min(OPEN_MAX, Math.max(OPEN_MIN, Math.floor((descriptorsMax() - RESERVED) / SHARE)));

const OUT_OF_DESCRIPTORS = ['EMFILE', 'ENFILE'];

export interface Entry {
  /** The parent directory's descriptor; belongs to `Directories`. */
  dir: number;
  /** One component. */
  name: ByteName;
}

export class Directories {
  readonly #open = new Map<ByteName, number>();
  readonly #openMax = openMax();
  /** The path of the last request: code that works through a directory asks for it with each name. */
  #latest: ByteName | undefined;

  /**
   * Takes over `rootFd` and closes it at the end. `place`: the root to report if all of it fails. `check`: throws if a
   * directory that was opened is not to be used.
   */
  constructor(
    readonly rootFd: number,
    readonly place?: { kind: PlaceKind; path: string },
    private readonly check: (fd: number, path: ByteName) => void = () => {},
  ) {}

  /** The directory and last component of a path. Errors: LinuxError ENOENT, ENOTDIR, ELOOP (a symlink on the way), … */
  entry(path: ByteName): Entry {
    return { dir: this.directory(folderOf(path)), name: baseOf(path) };
  }

  directory(path: ByteName): number {
    if (path === '') return this.rootFd;
    const known = this.#open.get(path);
    if (known !== undefined && path === this.#latest) return known;
    this.#latest = path;
    if (known !== undefined) this.#open.delete(path);
    const fd = known ?? this.#checked(path);
    if (this.#open.size >= this.#openMax) this.#closeOldest();
    this.#open.set(path, fd);
    return fd;
  }

  /** Returns the directory of a path, and makes it and its missing parents. Each new directory is durable on return. */
  make(path: ByteName, mode = 0o777): number {
    const known = unlessMissing(() => this.directory(path));
    if (known !== undefined) return known;
    const parent = this.make(folderOf(path), mode);
    try {
      makeDirectoryAt(parent, baseOf(path), mode);
    } catch (error) {
      // Another process made it meanwhile. It is synced here too, because we cannot know whether that process has done
      // it.
      if (!(error instanceof LinuxError) || error.code !== 'EEXIST') throw error;
    }
    fsyncSync(parent);
    return this.directory(path);
  }

  /** Removes empty folders from `path` upward, up to but not including `stop`. */
  removeEmpty(path: ByteName, stop: ByteName): void {
    for (let at = path; at !== stop && at !== ''; at = folderOf(at)) {
      const fd = this.#open.get(at);
      if (fd !== undefined) closeFd(fd);
      this.#open.delete(at);
      try {
        removeDirectoryAt(this.directory(folderOf(at)), baseOf(at));
      } catch (error) {
        if (error instanceof LinuxError && ['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(error.code)) return;
        throw error;
      }
    }
  }

  /** Forgets a directory that was moved or removed: the descriptors at or below its path are now something else. */
  leave(path: ByteName): void {
    for (const [at, fd] of this.#open) {
      if (at !== path && !at.startsWith(`${path}/`)) continue;
      closeFd(fd);
      this.#open.delete(at);
    }
  }

  close(): void {
    for (const fd of this.#open.values()) closeFd(fd);
    this.#open.clear();
    closeFd(this.rootFd);
  }

  #checked(path: ByteName): number {
    const fd = this.#opened(path);
    try {
      this.check(fd, path);
      return fd;
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  /** Out of descriptors is no reason to fail while some are only cached. */
  #opened(path: ByteName): number {
    for (;;) {
      try {
        return openDirectory(this.rootFd, path);
      } catch (error) {
        const isOut = error instanceof LinuxError && OUT_OF_DESCRIPTORS.includes(error.code);
        if (!isOut || this.#open.size <= OPEN_MIN) throw error;
        for (let n = this.#open.size >> 1; n > 0 && this.#open.size > OPEN_MIN; n--) this.#closeOldest();
      }
    }
  }

  #closeOldest(): void {
    const [path, fd] = this.#open.entries().next().value!;
    closeFd(fd);
    this.#open.delete(path);
  }
}
