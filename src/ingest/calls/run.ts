/**
 * Carries out an order, one file after the other, in any thread.
 * Guarantees: one answer for each file, in their order. A failing place ends the order: the other files are not tried.
 */

import { PlaceError } from '../../files/place-error.js';
import type { Throttle } from '../../files/rate-limit.js';
import type { ByteName } from '../../linux/index.js';
import { FeedFiles, ofItsMount, ofItsServer, type WorkKey } from '../files/feed-files.js';
import { corrector } from './correct.js';
import { hasher, reader } from './hash.js';
import { comparer, mover, putter } from './move.js';
import type { Act, Acts, Answer, Order, Terms } from './order.js';
import { beginner, finisher } from './outputs.js';
import { sealer } from './seal.js';

type Acting<A extends Act> = (
  files: FeedFiles,
  terms: Terms,
  throttle?: Throttle,
) => (file: Acts[A]['file']) => Acts[A]['answer'] | Promise<Acts[A]['answer']>;

const ACTS: { [A in Act]: Acting<A> } = {
  seal: sealer,
  hash: hasher,
  correct: corrector,
  move: mover,
  read: reader,
  put: putter,
  compare: comparer,
  begin_outputs: beginner,
  finish_outputs: finisher,
};

const STOPPED = { kind: 'stopped' } as const;

/** The resources for an order. */
export interface Means {
  /** Roots that the caller has opened, and closes. */
  files?: FeedFiles;
  /** Asked before each piece that a long act reads or copies. */
  throttle?: Throttle;
}

export class Running<A extends Act = Act> {
  readonly answers: Answer<A>[] = [];
  readonly #files: FeedFiles;
  readonly #act: (file: Acts[A]['file']) => Acts[A]['answer'] | Promise<Acts[A]['answer']>;
  #isStopped = false;

  constructor(
    readonly order: Order<A>,
    private readonly means: Means = {},
  ) {
    this.#files = means.files ?? new FeedFiles(order.roots);
    const acting = ACTS[order.act] as unknown as Acting<A>;
    this.#act = acting(this.#files, order.terms, means.throttle);
  }

  get isDone(): boolean {
    return this.answers.length === this.order.files.length;
  }

  /** Handles the next file. Its answer is the last one of `answers`, immediately for a quick act. */
  next(): void | Promise<void> {
    const file = this.order.files[this.answers.length]!;
    if (this.#isStopped) {
      this.answers.push(STOPPED);
      return;
    }
    try {
      const answer = this.#act(file);
      if (answer instanceof Promise)
        return answer.then(
          (one) => void this.answers.push(one),
          (error) => this.#failed(file, error),
        );
      this.answers.push(answer);
    } catch (error) {
      this.#failed(file, error);
    }
  }

  /** The remaining files are not tried. */
  stop(): void {
    this.#isStopped = true;
  }

  close(): void {
    if (this.means.files === undefined) this.#files.close();
  }

  #failed(file: Acts[A]['file'], thrown: unknown): void {
    const { path = '' as ByteName, inside = '' as ByteName } = file as Partial<WorkKey>;
    const { roots } = this.order;
    const error = thrown instanceof PlaceError ? ofItsMount(thrown, roots, inside) : ofItsServer(thrown, roots, path);
    this.#isStopped = error instanceof PlaceError;
    this.answers.push({ kind: 'failed', error });
  }
}
