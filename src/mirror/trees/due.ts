/** Paths that wait for a time of their own. */
import type { ByteName } from '../../linux/index.js';
import { limits } from './limits.js';

type Waiting = ReadonlyMap<ByteName, { dueMs: number }>;

/** One batch of the paths whose time has come. */
export function dueOf(waiting: Waiting, nowMs: number): ByteName[] {
  const due: ByteName[] = [];
  for (const [path, { dueMs }] of waiting) {
    if (dueMs <= nowMs) due.push(path);
    if (due.length === limits.batchMax) break;
  }
  return due;
}

/** Infinity: no path waits. */
export function nextDueMs(waiting: Waiting): number {
  let next = Number.POSITIVE_INFINITY;
  for (const { dueMs } of waiting.values()) next = Math.min(next, dueMs);
  return next;
}
