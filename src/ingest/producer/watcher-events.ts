/**
 * Emits the events of a feed's watcher as events of the program, with paths as text.
 * Guarantees: files that are not regular are reported when their number changes, not each time they are found.
 */

import type { Emit } from '../../base/telemetry/emit.js';
import { type ByteName, type Kind, shownName } from '../../linux/index.js';
import type { EngineEvent } from '../../watcher/engine/index.js';

/** The least time between two events about the same kind of file, or the same error, in one feed. */
const QUIET_MS = 60_000;

export class WatcherEvents {
  /** When an event was last emitted, by its subject. */
  readonly #emittedAtMs = new Map<string, number>();
  /** The number of files of each kind that the last whole scan found. */
  readonly #others = new Map<string, number>();

  constructor(
    private readonly feed: string,
    private readonly emit: Emit,
  ) {}

  watcher(event: EngineEvent): void {
    const { event: name, ...fields } = event;
    const shown: Record<string, unknown> = { feed: this.feed, ...fields };
    if ('path' in event) shown.path = shownName(event.path);
    if ('error' in event) shown.error = event.error instanceof Error ? event.error.message : String(event.error);
    this.emit(name, shown);
    if (event.event === 'scan_done') this.#scanned(event.others);
  }

  /** Files that an event reported under a name of a candidate, and that are not regular: a symlink, a FIFO, … */
  others(others: readonly { path: ByteName; kind: Kind }[]): void {
    for (const { path, kind } of others) {
      if (this.#due(`other ${kind}`)) this.emit('not_a_file', { feed: this.feed, kind, path: shownName(path) });
    }
  }

  failed(failed: readonly { path: ByteName; code: string }[]): void {
    for (const { path, code } of failed) {
      if (this.#due(`failed ${code}`)) this.emit('look_failed', { feed: this.feed, code, path: shownName(path) });
    }
  }

  #scanned(others: Partial<Record<string, number>>): void {
    for (const kind of new Set([...this.#others.keys(), ...Object.keys(others)])) {
      const count = others[kind] ?? 0;
      if (this.#others.get(kind) === count) continue;
      this.#others.set(kind, count);
      this.emit('not_a_file', { feed: this.feed, kind, count });
    }
  }

  #due(what: string): boolean {
    const nowMs = performance.now();
    if (nowMs - (this.#emittedAtMs.get(what) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return false;
    this.#emittedAtMs.set(what, nowMs);
    return true;
  }
}
