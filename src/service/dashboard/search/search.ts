/**
 * Search by path, name, job or SHA-256, on a thread of its own: it reads tables that have no index for it, and asks places
 * that may hang.
 * Guarantees: one search at a time, a bounded number waits; one that takes too long is given up with its thread.
 */
import type { Worker } from 'node:worker_threads';
import { endThread, startThread } from '../../../base/process/threads.js';
import { inPackage } from '../../../package.js';
import { limits } from '../data/limits.js';
import type { MadeFile } from '../data/made.js';
import type { Hits } from './hits.js';

/** `part`: a list of the files that it may mean. Otherwise: all that is known of one file. */
export type Sought = { word: string } | { part: string; limit: number };
/** The answer of `ingest-ctl explain --json`, its text, and the results of chains for the files. */
export interface Found {
  text: string;
  json: unknown;
  made: MadeFile[];
}

export type SearchAnswer<T extends Found | Hits = Found> =
  | { found: T }
  | { refused: 'too_many' | 'too_slow' | 'failed'; sentence: string };

const THREAD = inPackage('dist/src/service/dashboard/search/search-thread.js');

export class Search {
  #thread: Worker | undefined;
  #found: (found: Found | Hits) => void = () => {};
  #waiting = 0;
  /** Threads that were given up and have not ended. */
  readonly #hanging = new Set<Worker>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly statePath: string) {}

  /** All that is known of one file, as `ingest-ctl explain WORD` says it. */
  for(word: string): Promise<SearchAnswer> {
    return this.#inTurn<Found>({ word });
  }

  /** The files that a word may mean. */
  hits(part: string, limit: number): Promise<SearchAnswer<Hits>> {
    return this.#inTurn<Hits>({ part, limit });
  }

  #inTurn<T extends Found | Hits>(sought: Sought): Promise<SearchAnswer<T>> {
    if (this.#waiting >= limits.searchesMax) {
      return Promise.resolve({ refused: 'too_many', sentence: 'Too many searches wait; ask again in a moment.' });
    }
    if (this.#hanging.size >= limits.searchesHangingMax) {
      const sentence =
        'Searches that were given up still hang in a place that does not answer; ask again when it does.';
      return Promise.resolve({ refused: 'too_many', sentence });
    }
    this.#waiting++;
    const mine = this.#last.then(() => this.#ask<T>(sought)).finally(() => this.#waiting--);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  async close(): Promise<void> {
    if (this.#thread) await endThread(this.#thread);
  }

  #ask<T extends Found | Hits>(sought: Sought): Promise<SearchAnswer<T>> {
    this.#thread ??= this.#started();
    const thread = this.#thread;
    return new Promise((resolve) => {
      const end = (answer: SearchAnswer<T>): void => {
        clearTimeout(timer);
        thread.off('error', failed).off('exit', ended);
        if ('refused' in answer) {
          this.#thread = undefined;
          // A thread in a system call ends when that does.
          this.#hanging.add(thread);
          void endThread(thread).finally(() => this.#hanging.delete(thread));
        }
        resolve(answer);
      };
      this.#found = (found) => end({ found: found as T });
      const failed = (error: Error) => end({ refused: 'failed', sentence: error.message });
      const ended = () => end({ refused: 'failed', sentence: 'The search ended by itself.' });
      const sentence = `The search took longer than ${limits.searchMs / 1_000} s, and was given up; a place may hang.`;
      const timer = setTimeout(() => end({ refused: 'too_slow', sentence }), limits.searchMs);
      thread.on('error', failed).on('exit', ended);
      thread.postMessage(sought);
    });
  }

  #started(): Worker {
    const hear = (found: Found | Hits): void => {
      // A thread that was given up may still answer.
      if (this.#thread === thread) this.#found(found);
    };
    const thread = startThread(THREAD, { workerData: { statePath: this.statePath } }, hear);
    return thread;
  }
}
