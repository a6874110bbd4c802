/**
 * Paths to check again: a check found a state that no event has explained. The watcher emits no event for a name that
 * came and went before its own check, so an event may never come. The paths are checked again for some seconds, or
 * until an event explains their state.
 * Guarantees: memory is bounded. Beyond the bound, everything must be scanned instead (`tooMany`).
 */
import type { ByteName } from '../../linux/index.js';
import { dueOf, nextDueMs } from '../trees/due.js';
import { limits } from '../trees/limits.js';

interface Entry {
  checks: number;
  dueMs: number;
}

export class Rechecks {
  tooMany = false;
  readonly #entries = new Map<ByteName, Entry>();
  /** Paths that were gone at their last check. */
  readonly #gone = new Set<ByteName>();

  /** The path exists, or not, and the last event said otherwise, or there was none. */
  unexplained(path: ByteName): void {
    if (this.#entries.has(path)) return;
    if (this.#entries.size >= limits.retriesMax) this.tooMany = true;
    else this.#put(path, 0);
  }

  /** The state is what the last event said. If it changes, there will be another event. */
  explained(path: ByteName): void {
    this.#entries.delete(path);
    this.#gone.delete(path);
  }

  /**
   * The path was checked again. Returns whether DEST may follow. A path that is gone may have been renamed, and DEST
   * should repeat the rename when its event comes. So it is checked once more before it is removed from DEST.
   */
  mayFollow(path: ByteName, isThere: boolean): boolean {
    const wasGone = this.#gone.delete(path);
    if (isThere || wasGone) return true;
    this.#gone.add(path);
    if (!this.#entries.has(path)) this.#put(path, limits.recheckTimes - 1);
    return false;
  }

  /** Returns the paths to check now, and schedules their next checks with growing delays. */
  due(nowMs: number): ByteName[] {
    const due = dueOf(this.#entries, nowMs);
    for (const path of due) {
      const { checks } = this.#entries.get(path)!;
      this.#entries.delete(path);
      if (checks + 1 < limits.recheckTimes) this.#put(path, checks + 1);
    }
    return due;
  }

  /** Infinity: no path waits. */
  nextMs(): number {
    return nextDueMs(this.#entries);
  }

  #put(path: ByteName, checks: number): void {
    this.#entries.set(path, { checks, dueMs: performance.now() + limits.retryFirstMs * 2 ** checks });
  }
}
