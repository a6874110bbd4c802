/**
 * Waiting with a deadline, for everything that tests wait for.
 * Guarantees: ends as soon as the question is answered; a wait that fails says what it waited for.
 * Does not: sleep for luck. What asks repeatedly asks a fact that stays true once it is.
 */
import { setTimeout as pause } from 'node:timers/promises';

export interface Deadline {
  /** Default 30,000: a loaded machine with two cores. */
  withinMs?: number;
}

/** Asks every few ms until the answer is neither undefined nor false. */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { withinMs = 30_000, everyMs = 10, soFar }: Deadline & { everyMs?: number; soFar?: () => string } = {},
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end)
      throw new Error([`waited ${withinMs} ms in vain for: ${what}`, soFar?.()].filter(Boolean).join('; '));
    await pause(everyMs);
  }
}

/** Watches that something stays true for a while; the only wait with a fixed length, for "nothing happens". */
export async function stays(what: string, ask: () => boolean, forMs: number): Promise<void> {
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    if (!ask()) throw new Error(`no longer so: ${what}`);
    await pause(5);
  }
}
