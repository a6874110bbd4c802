/** The messages between the main thread and a thread for calls, and the memory that both share. */
import type { Answer, Order } from './order.js';

/** The position in a file at which a thread writes the `jobText` of its current job. */
export interface JobSpot {
  path: string;
  at: number;
}

export interface OrderMessage {
  id: number;
  order: Order;
  /** The job of each file, noted while the file is handled. Undefined: no job is noted. */
  jobs: readonly string[] | undefined;
}

/**
 * `drain`: from now on, reading and copying does not wait for the rate limit. `end`: it ends by itself; Node does not close the
 * descriptors of a thread that is terminated.
 */
export type ToThread = OrderMessage | 'drain' | 'end';

export type FromThread = { id: number; answers: Answer[] } | { id: number; error: unknown };

export interface ThreadData {
  spot: JobSpot;
  words: Int32Array;
  /** The rate limit of all processes of the state, and the position in a file by which they share it; see src/files/rate-limit.ts. */
  throttle: { spot: JobSpot & { lock: number }; bytesPerSecond: number } | undefined;
}

/**
 * The shared words: a counter of progress (files, and pieces of a large file); the current order and the number of its current file;
 * 1 where files that have not begun are to be given back; 1 where the thread was given up.
 */
export const WORD = { progress: 0, order: 1, file: 2, draining: 3, givenUp: 4 } as const;
export const WORDS_BYTES = 20;
