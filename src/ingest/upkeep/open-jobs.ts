/** The jobs of a feed that have not ended, page by page, the oldest first. */
import type { QueueView } from '../../../queue/index.js';
import { pages } from '../../base/pages.js';

const PAGE = 500;

export interface OpenJob {
  seq: number;
  id: string;
}

/** Each page is read when it is asked for, so jobs may be settled between two pages. `but`: a stage whose jobs are left out. */
export function openJobs(view: Pick<QueueView, 'read'>, feed: string, but = ''): Generator<readonly OpenJob[]> {
  const sql = `SELECT seq, id FROM all_jobs WHERE feed = ? AND seq > ? AND state <> 'done' AND stage <> ? ORDER BY seq LIMIT ${PAGE}`;
  return pages<OpenJob>((last) => view.read((r) => r.all<OpenJob>(sql, feed, last?.seq ?? 0, but)));
}
