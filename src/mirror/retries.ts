/**
 * Paths that could not be made like SOURCE, to be tried again ever later; each is told once, and once when it is well again.
 * Guarantees: bounded; beyond the bound everything is to be looked through again instead (`tooMany`).
 */

import type { Emit } from '../base/telemetry/emit.js';
import { type ByteName, shownName } from '../linux/index.js';
import { limits } from './trees/limits.js';
import type { Unmirrored } from './trees/types.js';

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

  /** `told`: what is tried again because of DEST itself is told there. */
  failed(path: ByteName, code: string, reason: string, logged = true): void {
    const before = this.#entries.get(path);
    if (before === undefined && this.#entries.size >= limits.retriesMax) {
      this.tooMany = true;
      return;
    }
    const tries = (before?.tries ?? 0) + 1;
    const waitMs = Math.min(limits.retryFirstMs * 2 ** (tries - 1), limits.retryLongestMs);
    // One that changes is mostly well the next time.
    const logs = logged && tries > (code === 'changing' ? 1 : 0);
    const loggedBefore = before?.logged === true && before.code === code;
    this.#entries.set(path, { code, logged: logs || loggedBefore, tries, dueMs: performance.now() + waitMs });
    if (logs && !loggedBefore) this.emit('replica_failed', { path: shownName(path), code, reason });
  }

  /** It is like SOURCE, or is in neither. */
  well(path: ByteName): void {
    const logged = this.#entries.get(path)?.logged;
    this.#entries.delete(path);
    if (logged) this.emit('replica_healed', { path: shownName(path) });
  }

  due(nowMs: number): ByteName[] {
    const due: ByteName[] = [];
    for (const [path, { dueMs }] of this.#entries) {
      if (dueMs <= nowMs) due.push(path);
      if (due.length === limits.batchMax) break;
    }
    return due;
  }

  /** DEST can be written to again: what waited for that is due. */
  hurry(): void {
    for (const entry of this.#entries.values()) if (!entry.logged) entry.dueMs = 0;
  }

  /** Infinity: none waits. */
  nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueMs } of this.#entries.values()) next = Math.min(next, dueMs);
    return next;
  }

  /** Whether trying again at once may help: what changes may rest, and what DEST kept from being made may go. */
  hopeful(): boolean {
    for (const { code, tries } of this.#entries.values())
      if (code === 'changing' ? tries < limits.onceTries : WAITS.has(code)) return true;
    return false;
  }

  list(max: number = limits.namedMax): { unmirrored: Unmirrored[]; unmirroredCount: number } {
    const unmirrored = [...this.#entries].slice(0, max).map(([path, { code }]) => ({ path, code }));
    return { unmirrored, unmirroredCount: this.#entries.size };
  }
}

/** Errors of DEST that may pass, as a full disk does. */
const WAITS = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);
