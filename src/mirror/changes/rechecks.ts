/**
 * Names that a look changed in DEST, or left there, although it was not told so. The watcher tells no name that came and went again
 * before it looked, so nothing may be told of them any more: they are looked at again until somebody tells, or for some seconds.
 * Guarantees: bounded; beyond the bound everything is to be looked through again instead (`tooMany`).
 */
import type { ByteName } from '../../linux/index.js';
import { limits } from '../trees/limits.js';

interface Entry {
  checks: number;
  dueMs: number;
}

export class Rechecks {
  tooMany = false;
  readonly #entries = new Map<ByteName, Entry>();
  /** They had gone when they were looked at last. */
  readonly #gone = new Set<ByteName>();

  /** It is there, or is not, and what was told last says otherwise or nothing. */
  unexplained(path: ByteName): void {
    if (this.#entries.has(path)) return;
    if (this.#entries.size >= limits.retriesMax) this.tooMany = true;
    else this.#put(path, 0);
  }

  /** What is there is what was told: if that changes, it is told too. */
  explained(path: ByteName): void {
    this.#entries.delete(path);
    this.#gone.delete(path);
  }

  /**
   * It was looked at again, and SOURCE has it or has not. Answers whether DEST may follow: what has gone may have been renamed,
   * and DEST is to rename it too when that is told, so it is looked at once more before it is removed.
   */
  mayFollow(path: ByteName, isThere: boolean): boolean {
    const wasGone = this.#gone.delete(path);
    if (isThere || wasGone) return true;
    this.#gone.add(path);
    if (!this.#entries.has(path)) this.#put(path, limits.recheckTimes - 1);
    return false;
  }

  /** To be looked at now; and again later, ever less often. */
  due(nowMs: number): ByteName[] {
    const due: ByteName[] = [];
    for (const [path, { dueMs }] of this.#entries) {
      if (dueMs <= nowMs) due.push(path);
      if (due.length === limits.batchMax) break;
    }
    for (const path of due) {
      const { checks } = this.#entries.get(path)!;
      this.#entries.delete(path);
      if (checks + 1 < limits.recheckTimes) this.#put(path, checks + 1);
    }
    return due;
  }

  /** Infinity: none waits. */
  nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#entries.values()) next = Math.min(next, dueMs);
    return next;
  }

  #put(path: ByteName, checks: number): void {
    this.#entries.set(path, { checks, dueMs: performance.now() + limits.retryFirstMs * 2 ** checks });
  }
}
