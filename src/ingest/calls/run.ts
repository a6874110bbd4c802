/**
 * Carries out an order, a file at a time, in whichever thread it runs.
 * Guarantees: one answer a file, in their order. A failing place ends it: the rest is not tried.
 */
import { PlaceError } from '../../files/place-error.js';
import { FeedFiles } from '../files/feed-files.js';
import { hasher } from './hash.js';
import { mover, namer } from './move.js';
import type { Act, Acts, Answer, Order } from './order.js';
import { sealer } from './seal.js';

const ACTS: {
  [A in Act]: (files: FeedFiles, terms: Acts[A]['terms']) => (file: Acts[A]['file']) => Acts[A]['answer'];
} = { seal: sealer, hash: hasher, move: mover, free_name: namer };

const STOPPED = { kind: 'stopped' } as const;

export class Running<A extends Act = Act> {
  readonly answers: Answer<A>[] = [];
  readonly #files: FeedFiles;
  readonly #act: (file: Acts[A]['file']) => Acts[A]['answer'];
  #isStopped = false;

  /** `files`: the roots as somebody has opened them already, who closes them. */
  constructor(
    readonly order: Order<A>,
    private readonly files?: FeedFiles,
  ) {
    this.#files = files ?? new FeedFiles(order.roots);
    this.#act = ACTS[order.act](this.#files, order.terms) as (file: Acts[A]['file']) => Acts[A]['answer'];
  }

  get isDone(): boolean {
    return this.answers.length === this.order.files.length;
  }

  /** The next file. Its answer is the last one of `answers`. */
  next(): void {
    const file = this.order.files[this.answers.length]!;
    try {
      this.answers.push(this.#isStopped ? STOPPED : this.#act(file));
    } catch (error) {
      this.#isStopped = error instanceof PlaceError;
      this.answers.push({ kind: 'failed', error });
    }
  }

  /** The rest is not tried. */
  stop(): void {
    this.#isStopped = true;
  }

  close(): void {
    if (this.files === undefined) this.#files.close();
  }
}
