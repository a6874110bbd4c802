/**
 * Directories below one root, opened relative to it and never through a symlink (openat2 RESOLVE_BENEATH |
 * RESOLVE_NO_SYMLINKS): a parent that was swapped for a symlink leads nowhere.
 * Guarantees: every descriptor is closed by `close()`; every directory that `make` makes is synced with its parents.
 * Does not: outlive a batch. Descriptors kept for longer would keep a file system from being unmounted.
 */
import { closeSync, fsyncSync } from 'node:fs';
import {
  type ByteName,
  descriptorsMax,
  LinuxError,
  makeDirectoryAt,
  openDirectory,
  removeDirectoryAt,
} from '../linux/index.js';
import type { PlaceKind } from './place-error.js';
import { baseOf, folderOf } from './places.js';

/** Open directories kept at a time; the one that was asked for longest ago is closed beyond it, so the last few are always open. */
const OPEN_MAX = 128;
/** Whoever renames has two in hand. */
const OPEN_MIN = 4;
/** The share of a process's descriptors: a worker has some fifty for itself, and several batches under way, each with its roots. */
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
  /** The path that was asked for last: who goes through a directory asks for it with each name. */
  #latest: ByteName | undefined;

  /** Takes over `rootFd`, and closes it in the end. `place`: what fails when all of it fails. */
  constructor(
    readonly rootFd: number,
    readonly place?: { kind: PlaceKind; path: string },
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
    const fd = known ?? this.#opened(path);
    if (this.#open.size >= this.#openMax) this.#closeOldest();
    this.#open.set(path, fd);
    return fd;
  }

  /** The directory of a path, made with all its parents where missing; each new one is durable before this returns. */
  make(path: ByteName, mode = 0o777): number {
    try {
      return this.directory(path);
    } catch (error) {
      if (!(error instanceof LinuxError) || error.code !== 'ENOENT') throw error;
    }
    const parent = this.make(folderOf(path), mode);
    try {
      makeDirectoryAt(parent, baseOf(path), mode);
    } catch (error) {
      // Somebody else made it meanwhile; whether it is synced we cannot know, so it is synced here too.
      if (!(error instanceof LinuxError) || error.code !== 'EEXIST') throw error;
    }
    fsyncSync(parent);
    return this.directory(path);
  }

  /** Removes now empty folders from `path` upward, up to (not including) `stop`. */
  removeEmpty(path: ByteName, stop: ByteName): void {
    for (let at = path; at !== stop && at !== ''; at = folderOf(at)) {
      const fd = this.#open.get(at);
      if (fd !== undefined) closeSync(fd);
      this.#open.delete(at);
      try {
        removeDirectoryAt(this.directory(folderOf(at)), baseOf(at));
      } catch (error) {
        if (error instanceof LinuxError && ['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(error.code)) return;
        throw error;
      }
    }
  }

  /** A directory was moved or removed: what was opened at or below its path is something else now. */
  leave(path: ByteName): void {
    for (const [at, fd] of this.#open) {
      if (at !== path && !at.startsWith(`${path}/`)) continue;
      closeSync(fd);
      this.#open.delete(at);
    }
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
    closeSync(this.rootFd);
  }

  /** Few descriptors are no reason to fail while some of them are only kept. */
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
    closeSync(fd);
    this.#open.delete(path);
  }
}
