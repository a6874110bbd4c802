/**
 * Parts of paths, looked for from the newest row to the oldest: no index has the middle of a path.
 * Guarantees: each step is one short read of a bounded number of rows, so the search can end after any of them.
 */
import type { QueueView, Reader } from '../../../../queue/index.js';
import type { Part } from './meaning.js';

/** Rows of a step: about ten milliseconds for a million jobs that lie in the page cache. */
const STEP = 20_000;
const MATCHES = "LIKE ? ESCAPE '\\'";

interface Source {
  newest: string;
  step: string;
  /** The parameters of a step after its two bounds. */
  about: (part: Part) => unknown[];
}

/** A part without a known path matches nothing. */
const NOTHING = '';

const JOBS: Source = {
  newest: 'SELECT max(seq) AS newest FROM all_jobs WHERE seq < ?',
  step: `SELECT id AS found FROM all_jobs WHERE seq > ? AND seq <= ? AND feed = ? AND CAST(key AS TEXT) ${MATCHES}
    ORDER BY seq DESC LIMIT ?`,
  about: ({ feed, source }) => [feed, pattern(source)],
};

const CONTENTS: Source = {
  newest: 'SELECT max(row) AS newest FROM contents WHERE row < ?',
  step: `SELECT row AS found FROM contents WHERE row > ? AND row <= ? AND +feed = ?
    AND (CAST(source_path AS TEXT) ${MATCHES} OR CAST(target AS TEXT) ${MATCHES}) ORDER BY row DESC LIMIT ?`,
  about: ({ feed, source, target }) => [feed, pattern(source), pattern(target)],
};

/** SQLite's LIKE ignores the case of ASCII. What is shown as U+FFFD may be any bytes. */
const pattern = (part: string): string =>
  part === '' ? NOTHING : `%${part.replace(/[\\%_]/g, '\\$&').replace(/\ufffd+/g, '%')}%`;

class Scan<T> {
  done = false;
  #before = Number.MAX_SAFE_INTEGER;

  constructor(
    private readonly view: Pick<QueueView, 'read'>,
    private readonly source: Source,
    private readonly part: Part,
  ) {}

  /** Up to `limit` rows of the next step, the newest first. */
  step(limit: number): T[] {
    return this.view.read((reader) => this.#step(reader, limit));
  }

  #step(reader: Reader, limit: number): T[] {
    const { newest } = reader.get<{ newest: number | null }>(this.source.newest, this.#before) ?? { newest: null };
    if (newest === null) {
      this.done = true;
      return [];
    }
    const from = newest - STEP;
    this.#before = from + 1;
    return reader
      .all<{ found: T }>(this.source.step, from, newest, ...this.source.about(this.part), limit)
      .map(({ found }) => found);
  }
}

export const jobsScan = (view: Pick<QueueView, 'read'>, part: Part): Scan<string> => new Scan(view, JOBS, part);
export const contentsScan = (view: Pick<QueueView, 'read'>, part: Part): Scan<number> => new Scan(view, CONTENTS, part);

/** By the index of keys: the jobs that hold their path, whatever their age. Reads at most so many. */
const LIVING_MAX = 100_000;
const LIVING = `SELECT id FROM (SELECT id, key FROM all_jobs WHERE keyed = 1 AND feed = ? LIMIT ${LIVING_MAX})
  WHERE CAST(key AS TEXT) ${MATCHES} LIMIT ?`;

export const living = (view: Pick<QueueView, 'read'>, { feed, source }: Part, limit: number): string[] =>
  view.read((reader) => reader.all<{ id: string }>(LIVING, feed, pattern(source), limit)).map(({ id }) => id);
