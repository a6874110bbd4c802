/** /errors (docs/http-api.md): what is held, page by page, and what is tried again. */
import type { Job, QueueView } from '../../../../queue/index.js';
import { liesAtOf } from '../../../ingest/upkeep/lies-at.js';
import { toHeldJob } from '../../status/held-list.js';
import { heldByCode } from '../../status/report.js';
import { type HeldFilter, heldPages } from './groups.js';

export type ErrorsAnswer = Awaited<ReturnType<typeof errorsAnswer>>;

/** Failures that are tried again, by their last error; `first`: the path of the first file. */
export const retrying = (view: Pick<QueueView, 'reasons'>) =>
  view
    .reasons()
    .filter(({ oldest }) => oldest.attempts > 0)
    .map(({ jobs, oldest, ...of }) => ({ ...of, files: jobs, first: oldest.key.toString('utf8') }));

export async function errorsAnswer(
  view: QueueView,
  { limit, after, ...filter }: HeldFilter & { after: string | undefined; limit: number },
) {
  const wanted = (one: { feed: string }) => filter.feed === undefined || one.feed === filter.feed;
  const found = await heldPage(view, filter, limit + 1, after);
  const held = found.slice(0, limit);
  const liesAt = liesAtOf(view);
  return {
    /** All of them. */
    held_by_code: view.heldFor().filter(wanted).map(heldByCode),
    /** One page, by id; `next` is the `after` of the next page. */
    held: held.map((job) => toHeldJob(job, liesAt(job))),
    next: found.length > limit ? held.at(-1)!.id : null,
    retrying: retrying(view).filter(wanted),
  };
}

/** The first `limit` files after `after` that the filter leaves. */
async function heldPage(view: QueueView, filter: HeldFilter, limit: number, after?: string): Promise<Job[]> {
  const held: Job[] = [];
  for await (const page of heldPages(view, filter, after)) {
    for (const { id } of page) {
      const job = view.job(id);
      if (job?.state === 'held') held.push(job);
      if (held.length === limit) return held;
    }
  }
  return held;
}
