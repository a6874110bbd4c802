/** What the main thread and a thread of the calls say to each other. */
import type { Answer, Order } from '../calls/order.js';

/** Where in which file `handText` of the job in hand is written. */
export interface HandSpot {
  path: string;
  at: number;
}

export interface Asked {
  id: number;
  order: Order;
  /** By file: the job that is in hand with it; without, none is. */
  jobs: readonly string[] | undefined;
}

/** `drain`: from now on nobody's bytes wait for their turn. */
export type Told = Asked | 'drain';

export type Said = { id: number; answers: Answer[] } | { id: number; error: unknown };

export interface ThreadData {
  spot: HandSpot;
  words: Int32Array;
  /** How fast all processes of the state read and copy, and where they agree on it; see src/files/rate-limit.ts. */
  pace: { spot: HandSpot & { lock: number }; bytesPerSecond: number } | undefined;
}

/**
 * What stands in the words that both threads have: how often it went on (to the next file, or the next piece of a large one), the
 * order and the number of the file that it is at, whether what has not begun is to be given back, and whether the thread was given up.
 */
export const [PROGRESS, ORDER, FILE, DRAINING, GIVEN_UP] = [0, 1, 2, 3, 4];
export const WORDS_BYTES = 20;
