/**
 * The files that a word means: by any part of a path, by the head of a hash, by a job's id. Those that are not done come first,
 * then the newest.
 * Guarantees: lists at most as many as were asked for; each read is short, and after `scanMs` the search ends and says so.
 * Does not: read anything but the state.
 */
import type { Job, QueueView } from '../../../../queue/index.js';
import type { FeedOptions } from '../../../base/config/options.js';
import { type Content, contentByRow, contentsOfHead, shownPlace } from '../../../ingest/ledger/content.js';
import { type ByteName, shownName } from '../../../linux/index.js';
import { meaningOf } from './meaning.js';
import { contentsScan, jobsScan, living } from './scan.js';

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
  const list = new HitList(view, feeds, limit);
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
    private readonly feeds: readonly FeedOptions[],
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
    const feed = this.feeds.find(({ name }) => name === content.feed);
    if (job) this.#add(job.id, hitOfJob(job));
    else if (feed) this.#add(key, hitOfContent(content, feed));
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
  /** The argument of `/files?path=` for more: the job's id, or a path if no job is known any more. */
  word: id,
  /** ready, claimed, waiting, held, or how it ended. */
  state: (ending ?? state) as string,
  stage: ending === null ? stage : null,
  /** Since when it is so. */
  since: new Date(updatedAtMs).toISOString(),
});

function hitOfContent(
  { sourcePath, size, target, state, ingestedAtMs }: Content,
  { name, input, warehouse }: FeedOptions,
): Hit {
  const path = shown(sourcePath);
  return {
    feed: name,
    path,
    bytes: size,
    word: target === null ? `${input}/${path}` : shownPlace(warehouse, target.toString('latin1') as ByteName),
    state,
    stage: null,
    since: new Date(ingestedAtMs ?? 0).toISOString(),
  };
}
