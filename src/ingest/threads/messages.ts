/** What the main thread and the thread of the calls say to each other. */
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

export type Said = { id: number; answers: Answer[] } | { id: number; error: unknown };

export interface ThreadData {
  spot: HandSpot;
  words: Int32Array;
}

/**
 * What stands in the words that both threads have: how many files were begun, the order and the number of the last one, and whether
 * what has not begun is to be given back.
 */
export const [BEGUN, ORDER, FILE, DRAINING] = [0, 1, 2, 3];
