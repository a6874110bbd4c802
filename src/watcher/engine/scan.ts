/**
 * One scan of a tree, or of some directories of it, read in slices.
 * Guarantees: each directory is watched before it is read, so no change falls between. Symlinks are never crossed.
 * Memory has only the paths of unread directories and a bounded window of paths.
 * The paths of a window are delivered sorted by name. A directory lists its names in hash order; in that order each
 * path would touch another page of every index (and another block of inodes), several times on its way.
 * Does not: look at files, decide when to continue, or enter what a filesystem keeps at its root
 * (src/files/of-filesystem.ts).
 */
import { baseOf, folderOf } from '../../files/job-paths.js';
import { isOfFilesystem } from '../../files/of-filesystem.js';
import { type ByteName, joinNames } from '../../linux/names.js';
import type { Backend, Listed, Listing, OpenDirectory } from '../backend/backend.js';
import { batchMaxOf, limits } from '../backend/limits.js';
import type { FileKind, OpenRoot, QueuedPath, ScanCause, ScanCounts } from '../backend/types.js';
import { clockMs } from './clock.js';

export interface ScanHooks {
  /** The directory is open and about to be read: now it must be watched. */
  opened(path: ByteName, directory: OpenDirectory, cause: ScanCause): void;
  /** All entries of the directory were read. */
  listed?(path: ByteName): void;
  failed(path: ByteName, error: unknown): void;
  target(path: ByteName, isDirectory: boolean): ByteName | undefined;
  enters(path: ByteName): boolean;
  /** True: directories and special files are included. */
  everything: boolean;
}

export class Scan {
  readonly counts: ScanCounts = { files: 0, directories: 0, others: {} };
  readonly startedMs = clockMs();
  /** Called when the scan is done. */
  readonly waiting: (() => void)[] = [];
  readonly #pending: ByteName[];
  readonly #hooks: ScanHooks;
  #listing: Listing | undefined;
  #open: OpenDirectory | undefined;
  #path = '' as ByteName;
  /** The window. `#next` is the first path that is not delivered yet; undefined while the window is being filled. */
  #window: ByteName[] = [];
  #next: number | undefined;
  #windowBytes = 0;
  /** Directories that were read completely since `takeListed`. */
  readonly #listed: ByteName[] = [];
  /** Paths of the window that were found through another name (a sidecar). */
  readonly #spokenOf = new Set<ByteName>();
  /**
   * How many paths fit into the window. The first windows are small, so that nobody waits for a large one at the start.
   */
  #room: number = limits.windowFirst;

  constructor(
    readonly cause: ScanCause,
    /** The directories to start with; [''] is the whole tree. */
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
    // Paths of other directories are elsewhere in every index, so a window larger than a batch is only used inside a
    // large directory.
    return this.#listing === undefined && paths >= batchMaxOf(this.#hooks);
  }

  get #isRead(): boolean {
    return this.#listing === undefined && this.#pending.length === 0;
  }

  takeListed(): ByteName[] {
    return this.#listed.splice(0);
  }

  /** Reads for `ms`, or until a window is full. Returns up to `max` paths of the window. */
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
      // The path was found by itself and through another name: once is enough.
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
      // The own names of a filesystem are not read, also where it is mounted below this root.
      if (isOfFilesystem(baseOf(path), () => this.backend.isMountRoot(root, folderOf(path)))) return;
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
        this.#hooks.listed?.(this.#path);
        if (this.#hooks.everything) this.#listed.push(this.#path);
        this.#leave();
        return;
      }
      const kind = entry.kind ?? this.#kindOf(entry.name);
      if (kind !== undefined) this.#meet(entry.name, kind);
    }
  }

  /** An entry that cannot be looked at is unknown, as where the filesystem says its kind: who looks at it next has the error. */
  #kindOf(name: ByteName): FileKind | undefined {
    try {
      return this.backend.kindOf(this.#open!, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error; // a bug
      return 'unknown';
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
      // A name that only points to another path is not counted; that path is found too, if it exists.
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
