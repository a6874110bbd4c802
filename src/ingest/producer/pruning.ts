/**
 * Forgets histories and removes files that are older than they are to be kept, or beyond the bytes to be kept: histories once a
 * day, files once an hour, and both at its start.
 * Guarantees: works at most a fifth of the time, in pieces of some milliseconds. (A duplicate whose job is forgotten is read as a
 * whole, with a rest after it.) Removed files are logged. Several producers of a state may do this together: the second one finds
 * nothing.
 * Does not: do anything where no option limits how long something is kept.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Backend, StateUnwritable } from '../../../queue/index.js';
import type { FeedOptions } from '../../base/config/options.js';
import type { Emit } from '../../base/telemetry/emit.js';
import { FeedFiles, isOfFiles, type Roots } from '../files/feed-files.js';
import { Pieces } from '../upkeep/pieces.js';
import { type FolderRule, pruneFolder, rulesOf } from '../upkeep/prune-files.js';
import { pruneHistory } from '../upkeep/prune-history.js';

const FILES_EVERY_MS = 3_600_000;
const HISTORY_EVERY_MS = 86_400_000;
const REST_TIMES = 4;

interface Folder {
  feed: string;
  roots: Roots;
  rule: FolderRule;
}

export class Pruning {
  readonly #folders: Folder[] = [];
  readonly #over = new AbortController();
  readonly #logged = new Set<string>();
  #historyAtMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;

  constructor(
    private readonly backend: Backend,
    private readonly keepHistoryMs: number | undefined,
    private readonly emit: Emit,
  ) {}

  add(feed: FeedOptions, roots: Roots): void {
    for (const rule of rulesOf(feed)) this.#folders.push({ feed: feed.name, roots, rule });
  }

  /** Called again after a feed was added. */
  start(onFatal: (error: unknown) => void): void {
    if (this.keepHistoryMs === undefined && this.#folders.length === 0) return;
    this.#running ??= this.#rounds().catch(onFatal);
  }

  /** Resolves when the current piece is done. Safe to call twice. */
  async stop(): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  get #isOver(): boolean {
    return this.#over.signal.aborted;
  }

  async #rounds(): Promise<void> {
    while (!this.#isOver) {
      // Files first: a run of --once may be over before a long history is.
      for (const folder of this.#folders) await this.#carefully(folder.feed, () => this.#files(folder));
      await this.#carefully('*', () => this.#history());
      await sleep(FILES_EVERY_MS, undefined, { signal: this.#over.signal }).catch(() => {});
    }
  }

  async #history(): Promise<void> {
    const { backend, keepHistoryMs } = this;
    const nowMs = performance.now();
    if (keepHistoryMs === undefined || nowMs - this.#historyAtMs < HISTORY_EVERY_MS) return;
    this.#historyAtMs = nowMs;
    const beforeMs = Date.now() - keepHistoryMs;
    const isOver = (): boolean => this.#isOver;
    const { jobs, records } = await pruneHistory({
      view: backend,
      backend,
      beforeMs,
      pieces: new Pieces(REST_TIMES),
      isOver,
    });
    if (jobs + records > 0)
      this.emit('history_pruned', { jobs, contents: records, before: new Date(beforeMs).toISOString() });
  }

  async #files({ feed, roots, rule }: Folder): Promise<void> {
    const files = new FeedFiles(roots);
    try {
      const { unknown } = await pruneFolder(
        {
          view: this.backend,
          feed,
          files,
          nowMs: Date.now(),
          pieces: new Pieces(REST_TIMES),
          remove: true,
          isOver: () => this.#isOver,
          onFile: (file) => this.emit('file_pruned', { feed, ...file }),
        },
        rule,
      );
      if (unknown > 0 && !this.#isOver) this.emit('prune_kept', { feed, folder: rule.folder, files: unknown });
    } finally {
      files.close();
    }
  }

  /** An error is logged once, and the work is tried again in the next round. */
  async #carefully(feed: string, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (error instanceof StateUnwritable) return;
      if (!isOfFiles(error)) throw error;
      const reason = error.message;
      if (this.#logged.has(reason)) return;
      this.#logged.add(reason);
      this.emit('pruning_failed', { feed, reason });
    }
  }
}
