/**
 * One scan of a tree, or of some directories of it, read in slices.
 * Guarantees: each directory is watched before it is read, so that nothing falls between; symlinks are never crossed;
 * in memory are the paths of directories not yet read and a bounded window of those of files.
 * A window is handed on in the order of its names: a directory lists them in the order of their hashes, in which each one
 * would touch another page of every index that has it (and another block of inodes), several times on its way.
 * Does not: look at files, or decide when to go on.
 */
import { type ByteName, joinNames } from '../../linux/names.js';
import type { Backend, Listed, Listing, OpenDirectory } from '../backend/backend.js';
import { batchMaxOf, limits } from '../backend/limits.js';
import type { FileKind, OpenRoot, QueuedPath, ScanCause, ScanCounts } from '../backend/types.js';
import { clockMs } from './clock.js';

export interface ScanHooks {
  /** The directory is open and about to be read: the moment to watch it. */
  opened(path: ByteName, directory: OpenDirectory, cause: ScanCause): void;
  failed(path: ByteName, error: unknown): void;
  target(path: ByteName, isDirectory: boolean): ByteName | undefined;
  enters(path: ByteName): boolean;
  /** Directories and special files are met too. */
  everything: boolean;
}

export class Scan {
  readonly counts: ScanCounts = { files: 0, directories: 0, others: {} };
  readonly startedMs = clockMs();
  /** To be called when it is done. */
  readonly waiting: (() => void)[] = [];
  readonly #pending: ByteName[];
  readonly #hooks: ScanHooks;
  #listing: Listing | undefined;
  #open: OpenDirectory | undefined;
  #path = '' as ByteName;
  /** The window; from `#next` on it is not handed on yet, and undefined while it is being filled. */
  #window: ByteName[] = [];
  #next: number | undefined;
  #windowBytes = 0;
  /** Directories that were read to their end since `takeListed`. */
  #listed: ByteName[] = [];
  /** Paths of the window of which another name spoke. */
  readonly #spokenOf = new Set<ByteName>();
  /** How many paths fit into the window. The first windows are small: nobody waits for a large one at the start. */
  #room: number = limits.windowFirst;

  constructor(
    readonly cause: ScanCause,
    /** Where to begin; [''] is the whole tree. */
    from: ByteName[],
    hooks: ScanHooks,
    private readonly backend: Backend,
  ) {
    this.#pending = from;
    this.#hooks = hooks;
  }

  get whole(): boolean {
    return this.cause !== 'new' && this.cause !== 'retry';
  }

  get done(): boolean {
    return this.#isRead && this.#window.length === 0;
  }

  get #isFull(): boolean {
    const paths = this.#window.length;
    if (paths >= this.#room || this.#windowBytes >= limits.windowBytesMax) return true;
    // Names of other directories lie elsewhere in every index: a larger window is for a larger directory.
    return this.#listing === undefined && paths >= batchMaxOf(this.#hooks);
  }

  get #isRead(): boolean {
    return this.#listing === undefined && this.#pending.length === 0;
  }

  takeListed(): ByteName[] {
    const listed = this.#listed;
    this.#listed = [];
    return listed;
  }

  /** Reads on for `ms`, or until a window is full. Answers up to `max` paths of it. */
  slice(root: OpenRoot, max: number, ms: number): QueuedPath[] {
    const untilMs = clockMs() + ms;
    while (this.#next === undefined) {
      if (this.#isRead || this.#isFull) {
        this.#window.sort();
        this.#next = 0;
      } else if (this.#listing === undefined) this.#openNext(root);
      else this.#read(untilMs);
      if (clockMs() >= untilMs) break;
    }
    return this.#next === undefined ? [] : this.#handOn(this.#next, max);
  }

  #handOn(from: number, max: number): QueuedPath[] {
    const found: QueuedPath[] = [];
    let next = from;
    for (; next < this.#window.length && found.length < max; next++) {
      const path = this.#window[next]!;
      // Met by itself and by another name: once is enough.
      if (path !== this.#window[next - 1]) found.push({ path, by: this.#spokenOf.has(path) ? 'sidecar' : 'scan' });
    }
    this.#next = next;
    if (next === this.#window.length) this.#beginWindow();
    return found;
  }

  #beginWindow(): void {
    this.#window = [];
    this.#windowBytes = 0;
    this.#spokenOf.clear();
    this.#next = undefined;
    this.#room = Math.min(2 * this.#room, limits.windowMax);
  }

  /** Safe to call twice. */
  close(): void {
    this.#pending.length = 0;
    this.#window = [];
    this.#leave();
  }

  #openNext(root: OpenRoot): void {
    const path = this.#pending.pop()!;
    try {
      this.#open = this.backend.openDirectory(root, path);
      this.#path = path;
      this.#hooks.opened(path, this.#open, this.cause);
      this.#listing = this.#open.list();
      this.counts.directories += 1;
    } catch (error) {
      this.#leave();
      this.#hooks.failed(path, error);
    }
  }

  #read(untilMs: number): void {
    for (let n = 0; !this.#isFull; n++) {
      if (n % 64 === 63 && clockMs() >= untilMs) return;
      let entry: Listed | undefined;
      try {
        entry = this.#listing!.next();
      } catch (error) {
        this.#leave();
        this.#hooks.failed(this.#path, error);
        return;
      }
      if (entry === undefined) {
        if (this.#hooks.everything) this.#listed.push(this.#path);
        this.#leave();
        return;
      }
      const kind = entry.kind ?? this.backend.kindOf(this.#open!, entry.name);
      if (kind !== undefined) this.#meet(entry.name, kind);
    }
  }

  #meet(name: ByteName, kind: FileKind): void {
    const path = joinNames(this.#path, name);
    if (kind === 'directory') {
      if (this.#hooks.everything) this.#push(this.#hooks.target(path, true));
      if (this.#hooks.enters(path)) this.#pending.push(path);
    } else if (kind === 'file' || kind === 'unknown') {
      const target = this.#hooks.target(path, false);
      if (target === undefined) return;
      // What only speaks of another path is not counted: that path is met too, if it is there.
      if (target === path) this.counts.files += 1;
      else this.#spokenOf.add(target);
      this.#push(target);
    } else {
      this.counts.others[kind] = (this.counts.others[kind] ?? 0) + 1;
      if (this.#hooks.everything) this.#push(this.#hooks.target(path, false));
    }
  }

  #push(path: ByteName | undefined): void {
    if (path === undefined) return;
    this.#window.push(path);
    this.#windowBytes += path.length;
  }

  #leave(): void {
    this.#listing?.close();
    this.#listing = undefined;
    this.#open?.close();
    this.#open = undefined;
  }
}
