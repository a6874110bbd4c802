/**
 * Waits with a deadline, for everything that tests wait for.
 * Guarantees: ends as soon as the condition is true; a failed wait says what it waited for.
 * Does not: sleep for luck. A repeated check must check a fact that stays true.
 */
import { setTimeout as pause } from 'node:timers/promises';

export interface Deadline {
  /** Default `DEADLINE_MS`. */
  withinMs?: number;
}

/** Only what will never be waits so long: a loaded machine is several times slower than an idle one. */
export const DEADLINE_MS = 300_000;

/** The share of the time that checking may take: the awaited process needs the core. */
const SHARE = 1 / 10;
const EVERY_MS = 10;

/**
 * Checks every few ms, or less often if a check takes long, until the answer is neither undefined nor false. `everyMs`:
 * exactly.
 */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { withinMs = DEADLINE_MS, everyMs, soFar }: Deadline & { everyMs?: number; soFar?: () => string } = {},
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const from = performance.now();
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end)
      throw new Error([`waited ${withinMs} ms in vain for: ${what}`, soFar?.()].filter(Boolean).join('; '));
    await pause(everyMs ?? Math.max(EVERY_MS, (performance.now() - from) * (1 / SHARE - 1)));
  }
}

/** Checks that something stays true for a while; the only wait with a fixed length, for "nothing happens". */
export async function stays(what: string, ask: () => boolean, forMs: number): Promise<void> {
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    if (!ask()) throw new Error(`no longer so: ${what}`);
    await pause(5);
  }
}
