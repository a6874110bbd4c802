/**
 * Paths that could not be made like SOURCE. They are tried again with growing delays. Each is logged once when it fails
 * and once when it succeeds.
 * Guarantees: memory is bounded. Beyond the bound, everything must be scanned instead (`tooMany`).
 */

import type { Emit } from '../base/telemetry/emit.js';
import { type ByteName, bytesOfName, shownName } from '../linux/index.js';
import { dueOf, nextDueMs } from './trees/due.js';
import { limits } from './trees/limits.js';
import type { MirrorResult } from './trees/types.js';

interface Entry {
  code: string;
  logged: boolean;
  tries: number;
  dueMs: number;
}

export class Retries {
  tooMany = false;
  readonly #entries = new Map<ByteName, Entry>();

  constructor(private readonly emit: Emit) {}

  get size(): number {
    return this.#entries.size;
  }

  /** `logged`: false if DEST itself fails, which is logged there. */
  failed(path: ByteName, code: string, reason: string, logged = true): void {
    const before = this.#entries.get(path);
    if (before === undefined && this.#entries.size >= limits.retriesMax) {
      this.tooMany = true;
      return;
    }
    const tries = (before?.tries ?? 0) + 1;
    // A file that changes usually succeeds the next time, so its first failure is not logged.
    const logs = logged && tries > (code === 'changing' ? 1 : 0);
    const loggedBefore = before?.logged === true && before.code === code;
    this.#entries.set(path, { code, logged: logs || loggedBefore, tries, dueMs: performance.now() + waitMs(tries) });
    if (logs && !loggedBefore) this.emit('replica_failed', { path: shownName(path), code, reason });
  }

  /** The path is like SOURCE, or exists in neither. */
  well(path: ByteName): void {
    const logged = this.#entries.get(path)?.logged;
    this.#entries.delete(path);
    if (logged) this.emit('replica_healed', { path: shownName(path) });
  }

  /** Returns the paths to try now. Each waits again meanwhile: a large file is copied beside everything else, and answers later. */
  due(nowMs: number): ByteName[] {
    const due = dueOf(this.#entries, nowMs);
    for (const path of due) {
      const entry = this.#entries.get(path)!;
      entry.dueMs = nowMs + waitMs(entry.tries);
    }
    return due;
  }

  /** DEST can be written to again, so the paths that waited for that are due. */
  hurry(): void {
    for (const entry of this.#entries.values()) if (!entry.logged) entry.dueMs = 0;
  }

  /** Infinity: no path waits. */
  nextMs(): number {
    return nextDueMs(this.#entries);
  }

  /** True if trying again soon may help: a changing file may come to rest, a full DEST may be freed, and a failing one may recover. */
  hopeful(): boolean {
    for (const { code, logged, tries } of this.#entries.values())
      if (WAITS.has(code) || ((code === 'changing' || !logged) && tries < limits.onceTries)) return true;
    return false;
  }

  list(max: number = limits.namedMax): Omit<MirrorResult, 'totals'> {
    const named = [...this.#entries].slice(0, max);
    const unmirrored = named.map(([path, { code }]) => ({ path: shownName(path), pathBytes: bytesOfName(path), code }));
    return { unmirrored, unmirroredCount: this.#entries.size };
  }
}

const waitMs = (tries: number): number => Math.min(limits.retryFirstMs * 2 ** (tries - 1), limits.retryLongestMs);

/** Errors of DEST that may pass, like a full disk. */
const WAITS = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);
