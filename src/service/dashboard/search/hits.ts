/**
 * The files that a word means: by any part of a path, by the head of a hash, by a job's id. Those that are not done come first,
 * then the newest.
 * Guarantees: lists at most as many as were asked for; each read is short, and after `scanMs` the search ends and says so.
 * Does not: read anything but the state.
 */
import type { Job, QueueView, Reader } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { type Content, contentByRow, contentsOfHead } from '../../../ingest/ledger/content.js';
import { type ByteName, shownName } from '../../../linux/index.js';
import { meaningOf, type Part } from './meaning.js';

export type Hit = ReturnType<typeof hitOfJob>;
export type Hits = ReturnType<typeof hitsOf>;

export interface Asking {
  limit: number;
  scanMs: number;
  now?: () => number;
}

export function hitsOf(
  view: QueueView,
  feeds: readonly FeedOptions[],
  typed: string,
  { limit, scanMs, now = () => performance.now() }: Asking,
) {
  const { job, head, parts } = meaningOf(typed, feeds);
  const list = new HitList(view, limit);
  const endsAt = now() + scanMs;
  /** `stopped_after_seconds`: the time was over before all was read. Else null. */
  const answer = (seconds: number | null = null) => ({ ...list.answer(), stopped_after_seconds: seconds });
  if (job !== undefined && list.addJob(job)) return answer();
  if (head !== undefined)
    for (const { name } of feeds)
      for (const content of view.read((reader) => contentsOfHead(reader, name, head, limit + 1)))
        list.addContent(content);

  for (const part of parts) if (part.source !== '') for (const id of living(view, part, limit + 1)) list.addJob(id);
  const jobs = parts.filter(({ source }) => source !== '').map((part) => jobsScan(view, part));
  const contents = parts.map((part) => contentsScan(view, part));
  for (;;) {
    const open = [...jobs, ...contents].filter(({ done }) => !done);
    if (open.length === 0 || list.more) return answer();
    if (now() >= endsAt) return answer(scanMs / 1_000);
    for (const scan of jobs) if (!scan.done) for (const id of scan.step(limit + 1)) list.addJob(id);
    for (const scan of contents) if (!scan.done) for (const row of scan.step(limit + 1)) list.addRow(row);
  }
}

/** Each file once, however many ways led to it. */
class HitList {
  more = false;
  readonly #hits = new Map<string, Hit>();

  constructor(
    private readonly view: QueueView,
    private readonly limit: number,
  ) {}

  /** Answers whether the job is known. */
  addJob(id: string): boolean {
    if (this.#hits.has(id)) return true;
    const job = this.view.job(id);
    if (job) this.#add(id, hitOfJob(job));
    return job !== undefined;
  }

  addRow(row: number): void {
    const content = this.view.read((reader) => contentByRow(reader, row));
    if (content) this.addContent(content);
  }

  /** A content is found by the job that carried it, where that is still known. */
  addContent(content: Content): void {
    const key = content.carrier === '' ? `row ${content.row}` : content.carrier;
    if (this.#hits.has(key)) return;
    const job = this.view.job(content.carrier);
    if (job) this.#add(job.id, hitOfJob(job));
    else this.#add(key, hitOfContent(content));
  }

  /** `more`: there are more than were asked for. */
  answer() {
    return { hits: [...this.#hits.values()], more: this.more };
  }

  #add(key: string, hit: Hit): void {
    if (this.#hits.size < this.limit) this.#hits.set(key, hit);
    else this.more = true;
  }
}

const shown = (bytes: Buffer): string => shownName(bytes.toString('latin1') as ByteName);

const hitOfJob = ({ id, feed, key, bytes, stage, state, ending, updatedAtMs }: Job) => ({
  feed,
  /** Below the input. */
  path: shown(key),
  bytes,
  /** The argument of `/files?path=` for more: the job's id, or the SHA-256 if no job is known any more. A shown path may lack bytes. */
  word: id,
  /** ready, claimed, waiting, held, or how it ended. */
  state: (ending ?? state) as string,
  stage: ending === null ? stage : null,
  /** Since when it is so. */
  since: new Date(updatedAtMs).toISOString(),
});

const hitOfContent = ({ feed, sourcePath, size, sha256, state, ingestedAtMs }: Content): Hit => ({
  feed,
  path: shown(sourcePath),
  bytes: size,
  word: sha256.toString('hex'),
  state,
  stage: null,
  since: new Date(ingestedAtMs ?? 0).toISOString(),
});

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

/**
 * Part of a path, looked for from the newest row to the oldest: no index has the middle of a path. Each step is one short read of a
 * bounded number of rows, so the search can end after any of them.
 */
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

const jobsScan = (view: Pick<QueueView, 'read'>, part: Part): Scan<string> => new Scan(view, JOBS, part);
const contentsScan = (view: Pick<QueueView, 'read'>, part: Part): Scan<number> => new Scan(view, CONTENTS, part);

/** By the index of keys: the jobs that hold their path, whatever their age. Reads at most so many. */
const LIVING_MAX = 100_000;
const LIVING = `SELECT id FROM (SELECT id, key FROM all_jobs WHERE keyed = 1 AND feed = ? LIMIT ${LIVING_MAX})
  WHERE CAST(key AS TEXT) ${MATCHES} LIMIT ?`;

const living = (view: Pick<QueueView, 'read'>, { feed, source }: Part, limit: number): string[] =>
  view.read((reader) => reader.all<{ id: string }>(LIVING, feed, pattern(source), limit)).map(({ id }) => id);
