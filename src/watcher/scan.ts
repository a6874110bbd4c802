/**
 * One scan of a tree, or of some directories of it, read in slices.
 * Guarantees: each directory is watched before it is read, so that nothing falls between; symlinks are never crossed;
 * in memory are the paths of directories not yet read, never a listing.
 * Does not: look at files, or decide when to go on.
 */
import { closeSync, type Dir, type Dirent, opendirSync, readdirSync } from 'node:fs';
import { type Kind, openDirectory, statAtOrNone } from '../linux/index.js';
import { type ByteName, joinNames } from '../linux/names.js';
import { limits } from './limits.js';
import type { FileKind, ScanCause, ScanCounts } from './types.js';

export interface ScanHooks {
  /** The directory is open and about to be read: the moment to watch it. */
  opened(path: ByteName, fd: number): void;
  failed(path: ByteName, error: unknown): void;
  target(path: ByteName): ByteName | undefined;
  enters(path: ByteName): boolean;
}

export class Scan {
  readonly counts: ScanCounts = { files: 0, directories: 0, others: {} };
  readonly startedMs = performance.now();
  /** To be called when it is done. */
  readonly waiting: (() => void)[] = [];
  readonly #pending: ByteName[];
  readonly #hooks: ScanHooks;
  #dir: Dir | undefined;
  #dirFd = -1;
  #path = '' as ByteName;

  constructor(
    readonly cause: ScanCause,
    /** Where to begin; [''] is the whole tree. */
    from: ByteName[],
    hooks: ScanHooks,
  ) {
    this.#pending = from;
    this.#hooks = hooks;
  }

  get whole(): boolean {
    return this.cause !== 'new' && this.cause !== 'retry';
  }

  get done(): boolean {
    return this.#dir === undefined && this.#pending.length === 0;
  }

  /** Reads on until `untilMs` (performance.now) or until `max` paths were found. */
  slice(rootFd: number, max: number, untilMs: number): ByteName[] {
    const found: ByteName[] = [];
    while (found.length < max && !this.done) {
      if (this.#dir === undefined) this.#openNext(rootFd);
      else this.#read(found, max, untilMs);
      if (performance.now() >= untilMs) break;
    }
    return found;
  }

  /** Safe to call twice. */
  close(): void {
    this.#pending.length = 0;
    this.#leave();
  }

  #openNext(rootFd: number): void {
    const path = this.#pending.pop()!;
    try {
      this.#dirFd = openDirectory(rootFd, path === '' ? ('.' as ByteName) : path);
      this.#path = path;
      this.#hooks.opened(path, this.#dirFd);
      this.#dir = opendirSync(`/proc/self/fd/${this.#dirFd}`, {
        encoding: 'latin1' as BufferEncoding,
        bufferSize: limits.readAtOnce,
      });
      this.counts.directories += 1;
    } catch (error) {
      this.#leave();
      this.#hooks.failed(path, error);
    }
  }

  #read(found: ByteName[], max: number, untilMs: number): void {
    for (let n = 0; found.length < max; n++) {
      if (n % 64 === 63 && performance.now() >= untilMs) return;
      let entry: Dirent | null;
      try {
        entry = this.#dir!.readSync();
      } catch (error) {
        if ((error as { code?: string }).code === 'ENOENT') this.#listUntyped(found);
        else this.#hooks.failed(this.#path, error);
        entry = null;
      }
      if (entry === null) {
        this.#leave();
        return;
      }
      this.#meet(entry.name as ByteName, kindOf(entry), found);
    }
  }

  /**
   * A filesystem that tells no kinds (ext4 without `filetype`, some FUSE): Node asks lstat for each, which loses names
   * that are not ASCII. The one case that holds a whole listing, and reads what was read before once more.
   */
  #listUntyped(found: ByteName[]): void {
    for (const name of readdirSync(`/proc/self/fd/${this.#dirFd}`, 'latin1') as ByteName[]) {
      const stat = statAtOrNone(this.#dirFd, name);
      if (stat !== undefined) this.#meet(name, KINDS[stat.kind] ?? 'unknown', found);
    }
  }

  #meet(name: ByteName, kind: FileKind, found: ByteName[]): void {
    const path = joinNames(this.#path, name);
    if (kind === 'directory') {
      if (this.#hooks.enters(path)) this.#pending.push(path);
    } else if (kind === 'file' || kind === 'unknown') {
      // What only speaks of another path (a sidecar) is not counted: that path is met too, if it is there.
      if (this.#hooks.target(path) !== path) return;
      this.counts.files += 1;
      found.push(path);
    } else {
      this.counts.others[kind] = (this.counts.others[kind] ?? 0) + 1;
    }
  }

  #leave(): void {
    this.#dir?.closeSync();
    this.#dir = undefined;
    if (this.#dirFd >= 0) closeSync(this.#dirFd);
    this.#dirFd = -1;
  }
}

const KINDS: Partial<Record<Kind, FileKind>> = {
  file: 'file',
  directory: 'directory',
  symlink: 'symlink',
  fifo: 'fifo',
  socket: 'socket',
  character: 'device',
  block: 'device',
};

function kindOf(entry: Dirent): FileKind {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symlink';
  if (entry.isFIFO()) return 'fifo';
  if (entry.isSocket()) return 'socket';
  return entry.isBlockDevice() || entry.isCharacterDevice() ? 'device' : 'unknown';
}
