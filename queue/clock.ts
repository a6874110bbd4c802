/**
 * The two clocks of the queue. Due times use the boot clock, which no operator and no NTP can set. The wall clock is
 * only for people (created, updated, trail).
 * Guarantees: whole milliseconds. A boot-clock value is meaningless in another boot or time namespace; `epoch`
 * identifies both.
 */
import type { Host } from './backend.js';

export interface Clock {
  nowMs(): number;
  wallMs(): number;
  /** Two boot-clock values can be compared only if this is equal. */
  readonly epoch: string;
}

export function clockOf(host: Host, now?: () => number): Clock {
  const bootMs = now ?? (() => host.bootMs());
  return {
    nowMs: () => Math.floor(bootMs()),
    wallMs: () => Date.now(),
    epoch: host.clockEpoch(),
  };
}

/**
 * Exponential backoff with a limit, and with jitter over its upper half: jobs that failed together do not come back
 * together. `attempts` counts from 1.
 */
export function backoffMs(
  attempts: number,
  firstMs: number,
  longestMs: number,
  random: () => number = Math.random,
): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(attempts - 1, 30));
  return Math.ceil(full * (0.5 + random() / 2));
}
