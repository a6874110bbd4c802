/**
 * The state of the watched directories: whether events are available, which directories have no watch, and which cannot
 * be read.
 * Guarantees: each such trouble is emitted once when it starts and once when it ends; until then the affected
 * directories are scanned every few seconds.
 */
import type { ByteName } from '../../linux/names.js';
import type { Backend, OpenDirectory, Tree, TreeHooks } from './backend.js';
import { limits } from './limits.js';
import type { EngineOptions, Hint } from './types.js';

export class Watches {
  #tree: Tree | undefined;
  #polling: 'asked' | 'filesystem' | 'no_inotify' | undefined;
  /** Each with the error of its watch; without one on a network filesystem. */
  readonly #unwatched = new Map<ByteName, string | undefined>();
  readonly #failing = new Map<ByteName, string>();
  readonly #mounts = new Set<ByteName>();
  /** The error that was emitted. */
  #limitReported: string | undefined;
  #rootMount = '';

  constructor(
    private readonly options: Pick<EngineOptions<Hint>, 'poll' | 'everything' | 'emit'>,
    private readonly backend: Backend,
    private readonly hooks: TreeHooks,
  ) {}

  /** Time from a scan of the whole tree to the next one; `wanted` is the caller's choice. */
  scanEveryMs(wanted: number | undefined): number {
    // If too many single directories have no watch, the whole tree is scanned as often as they would be.
    const byEvents = this.#polling === undefined && this.#unwatched.size < limits.directoriesMax;
    if (byEvents) return wanted ?? limits.scanEveryMs;
    // An interval that was chosen for use with events would be too long without them.
    return this.options.poll
      ? (wanted ?? limits.pollEveryMs)
      : Math.min(wanted ?? limits.pollEveryMs, limits.pollEveryMs);
  }

  /** The root is there (again): starts again with no watches. */
  open(root: OpenDirectory): void {
    this.close();
    this.#rootMount = root.facts().mount;
    if (this.options.poll) this.#poll('asked');
    else if (root.isRemote()) this.#poll('filesystem');
    else this.#tryEvents();
  }

  /** Tries again to get an inotify instance, if there was none. */
  heal(): void {
    if (this.#polling === 'no_inotify') this.#tryEvents();
  }

  /** To be called with a directory that is open and about to be read. */
  opened(path: ByteName, directory: OpenDirectory, round: number): void {
    const mounted = this.#noteMount(path, directory);
    if (this.#tree === undefined) return;
    if (mounted && directory.isRemote()) {
      this.#addUnwatched(path, undefined);
      return;
    }
    try {
      this.#tree.watch(path, directory, round);
      this.#unwatched.delete(path);
    } catch (error) {
      const code = codeOf(error);
      this.#addUnwatched(path, code);
      // The limit is another trouble than a refused directory. Only this way round: two codes may take turns.
      const isNew = this.#limitReported === undefined || (code === 'ENOSPC' && this.#limitReported !== code);
      if (!isNew) return;
      this.#limitReported = code;
      this.options.emit({ event: 'watch_limit', path, code });
    }
  }

  /** A directory was read to its end (one that is damaged can be opened), or is gone. */
  failsNoMore(path: ByteName): void {
    if (this.#failing.delete(path)) this.options.emit({ event: 'directory_back', path });
  }

  /** A directory could not be opened or read. Returns whether another try is useful. */
  failed(path: ByteName, code: string): boolean {
    this.#unwatched.delete(path);
    if (GONE.has(code)) {
      this.failsNoMore(path);
      return false;
    }
    const known = this.#failing.get(path);
    if (known === code || (known === undefined && this.#failing.size >= limits.troublesMax)) return true;
    this.#failing.set(path, code);
    this.options.emit({ event: 'directory_failed', path, code });
    return true;
  }

  /** The directories to scan every few seconds. */
  retries(): ByteName[] {
    return [...new Set([...this.#unwatched.keys(), ...this.#failing.keys()])];
  }

  get troubled(): boolean {
    return this.#unwatched.size + this.#failing.size > 0;
  }

  has(path: ByteName): boolean {
    return this.#tree?.has(path) === true;
  }

  /** True: a retry scan does not enter this directory, because it has a watch or its own retry. */
  knows(path: ByteName): boolean {
    return this.#tree?.has(path) === true || this.#unwatched.has(path) || this.#failing.has(path);
  }

  /** True: it has no watch, and could have one. Nothing reports a change in it. */
  lacks(path: ByteName): boolean {
    return this.#tree?.complete === true && !this.knows(path);
  }

  /** True if every change causes an event. */
  get complete(): boolean {
    return this.#tree?.complete === true && !this.troubled;
  }

  /** Processes all events that the kernel has queued now. */
  drain(): void {
    this.#tree?.drain();
  }

  /** To be called after a scan. `round` is given if it was a scan of the whole tree. */
  scanned(round: number | undefined): void {
    if (round !== undefined) this.#tree?.sweep(round);
    // Beyond this bound not all codes are known.
    if (this.#limitReported === undefined || this.#unwatched.size >= limits.directoriesMax) return;
    const refused = [...this.#unwatched].flatMap(([path, code]) => (code === undefined ? [] : [{ path, code }]));
    if (refused.some(({ code }) => code === this.#limitReported)) return;
    const [left] = refused;
    this.#limitReported = left?.code;
    this.options.emit(left ? { event: 'watch_limit', ...left } : { event: 'watch_limit_over' });
  }

  close(): void {
    this.#tree?.close();
    this.#tree = undefined;
    this.#unwatched.clear();
    this.#mounts.clear();
  }

  #tryEvents(): void {
    try {
      this.#tree = this.backend.openTree(this.hooks, this.options.everything);
    } catch (error) {
      this.#poll('no_inotify', codeOf(error));
      return;
    }
    if (this.#polling === 'no_inotify') this.options.emit({ event: 'events_back' });
    this.#polling = undefined;
  }

  #poll(why: 'asked' | 'filesystem' | 'no_inotify', code?: string): void {
    if (this.#polling !== why) this.options.emit({ event: 'polling', why, ...(code === undefined ? {} : { code }) });
    this.#polling = why;
  }

  #addUnwatched(path: ByteName, code: string | undefined): void {
    if (this.#unwatched.size < limits.directoriesMax || this.#unwatched.has(path)) this.#unwatched.set(path, code);
  }

  #noteMount(path: ByteName, directory: OpenDirectory): boolean {
    if (directory.mount() === this.#rootMount) {
      this.#mounts.delete(path);
      return false;
    }
    if (!this.#mounts.has(path) && this.#mounts.size < limits.troublesMax) {
      this.#mounts.add(path);
      this.options.emit({ event: 'submount', path, device: directory.facts().device });
    }
    return true;
  }
}

/** The code of a failed call. A bug has none, and is thrown again. */
export function codeOf(error: unknown): string {
  const { code } = error as { code?: string };
  if (code === undefined) throw error;
  return code;
}

/** It is no longer a directory of the tree; a symlink in its place is not crossed. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);
