/**
 * What the watcher knows of its directories: whether events are to be had, which directories have no watch, which
 * cannot be read.
 * Guarantees: each such trouble is told once and once more when it is over; until then the directories concerned are
 * scanned every few seconds.
 */
import { fsKindOf, LinuxError, statFd } from '../../linux/index.js';
import type { ByteName } from '../../linux/names.js';
import { limits } from './limits.js';
import { mountOf } from './root.js';
import { type TreeHooks, WatchTree } from './tree.js';
import type { EngineEvent } from './types.js';

export class Watches {
  #tree: WatchTree | undefined;
  #polling: 'asked' | 'filesystem' | 'no_inotify' | undefined;
  readonly #unwatched = new Set<ByteName>();
  readonly #failing = new Set<ByteName>();
  readonly #mounts = new Set<ByteName>();
  #limitTold = false;
  #rootMount = '';

  constructor(
    private readonly pollAsked: boolean,
    private readonly everything: boolean,
    private readonly hooks: TreeHooks,
    private readonly tell: (event: EngineEvent) => void,
  ) {}

  /** How long after a scan of the whole tree the next one begins; `wanted` is the caller's own choice. */
  scanEveryMs(wanted: number | undefined): number {
    // Beyond the bound of single directories, the whole tree is scanned as often as they would be.
    const byEvents = this.#polling === undefined && this.#unwatched.size < limits.directoriesMax;
    if (byEvents) return wanted ?? limits.scanEveryMs;
    // An interval that was chosen with events in mind would be a blind one without them.
    return this.pollAsked ? (wanted ?? limits.pollEveryMs) : Math.min(wanted ?? limits.pollEveryMs, limits.pollEveryMs);
  }

  /** The root is there (again): begins anew with its watches. */
  open(rootFd: number): void {
    this.close();
    this.#rootMount = mountOf(statFd(rootFd));
    if (this.pollAsked) this.#poll('asked');
    else if (fsKindOf(rootFd).network) this.#poll('filesystem');
    else this.#tryEvents();
  }

  /** Without an inotify instance: asks for one again. */
  heal(): void {
    if (this.#polling === 'no_inotify') this.#tryEvents();
  }

  /** To be called with a directory that is open and about to be read. */
  opened(path: ByteName, fd: number, round: number): void {
    if (this.#failing.delete(path)) this.tell({ event: 'directory_back', path });
    const mounted = this.#noteMount(path, fd);
    if (this.#tree === undefined) return;
    if (mounted && fsKindOf(fd).network) {
      this.#addUnwatched(path);
      return;
    }
    try {
      this.#tree.watch(path, fd, round);
      this.#unwatched.delete(path);
    } catch (error) {
      if (!(error instanceof LinuxError)) throw error;
      this.#addUnwatched(path);
      if (!this.#limitTold) this.tell({ event: 'watch_limit', path, code: error.code });
      this.#limitTold = true;
    }
  }

  /** A directory could not be opened or read. Answers whether it is worth another try. */
  failed(path: ByteName, code: string): boolean {
    this.#unwatched.delete(path);
    if (GONE.has(code)) {
      this.#failing.delete(path);
      return false;
    }
    if (this.#failing.has(path) || this.#failing.size >= limits.troublesMax) return true;
    this.#failing.add(path);
    this.tell({ event: 'directory_failed', path, code });
    return true;
  }

  /** The directories to be scanned every few seconds. */
  retries(): ByteName[] {
    return [...new Set([...this.#unwatched, ...this.#failing])];
  }

  get troubled(): boolean {
    return this.#unwatched.size + this.#failing.size > 0;
  }

  has(path: ByteName): boolean {
    return this.#tree?.has(path) === true;
  }

  /** A directory that a retry scan does not enter, for it has a watch or a retry of its own. */
  knows(path: ByteName): boolean {
    return this.#tree?.has(path) === true || this.#unwatched.has(path) || this.#failing.has(path);
  }

  /** Whether all that changes is told by an event. */
  get complete(): boolean {
    return this.#tree !== undefined && !this.troubled;
  }

  /** Takes in what the kernel has queued up to now. */
  drain(): void {
    this.#tree?.drain();
  }

  /** After a scan. `round` is given when it was one of the whole tree. */
  scanned(round: number | undefined): void {
    if (round !== undefined) this.#tree?.sweep(round);
    if (!this.#limitTold || this.#unwatched.size > 0) return;
    this.#limitTold = false;
    this.tell({ event: 'watch_limit_over' });
  }

  close(): void {
    this.#tree?.close();
    this.#tree = undefined;
    this.#unwatched.clear();
    this.#mounts.clear();
  }

  #tryEvents(): void {
    try {
      this.#tree = new WatchTree(this.hooks, this.everything);
    } catch (error) {
      if (!(error instanceof LinuxError)) throw error;
      this.#poll('no_inotify', error.code);
      return;
    }
    if (this.#polling === 'no_inotify') this.tell({ event: 'events_back' });
    this.#polling = undefined;
  }

  #poll(why: 'asked' | 'filesystem' | 'no_inotify', code?: string): void {
    if (this.#polling !== why) this.tell({ event: 'polling', why, ...(code === undefined ? {} : { code }) });
    this.#polling = why;
  }

  #addUnwatched(path: ByteName): void {
    if (this.#unwatched.size < limits.directoriesMax) this.#unwatched.add(path);
  }

  #noteMount(path: ByteName, fd: number): boolean {
    const stat = statFd(fd);
    if (mountOf(stat) === this.#rootMount) {
      this.#mounts.delete(path);
      return false;
    }
    if (!this.#mounts.has(path) && this.#mounts.size < limits.troublesMax) {
      this.#mounts.add(path);
      this.tell({ event: 'submount', path, device: String(stat.dev) });
    }
    return true;
  }
}

/** It is no directory of the tree any more; a symlink in its place is not crossed. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);
