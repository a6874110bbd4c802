/**
 * Checks whether the disk is ahead of a state that knows all lines: jobs that were on the way when a backup was made have ended
 * since. Uses names only.
 * Does not: check files in the input, which uploaders add and remove.
 */
import type { Job, QueueView } from '../../../../queue/index.js';
import { EnvironmentError } from '../../../base/errors.js';
import type { FeedFiles } from '../../../ingest/files/feed-files.js';
import { contentByRow, hasEnded } from '../../../ingest/ledger/content.js';
import { factsOf } from '../../../ingest/rules/facts.js';
import { openJobs } from '../../../ingest/upkeep/open-jobs.js';
import { withFiles } from '../../../ingest/upkeep/recorded-roots.js';
import { whereItLies } from './older.js';

/** Errors: EnvironmentError if a work directory cannot be read. */
export function isBehind(view: QueueView, feed: string): Promise<boolean> {
  const look = (files: FeedFiles): boolean => {
    for (const page of openJobs(view, feed))
      if (page.some(({ id }) => hasGoneOn(view, view.job(id)!, files))) return true;
    return false;
  };
  const refused = (why: string) =>
    new EnvironmentError('root_unusable', `${why}, so what has become of the jobs cannot be seen.`);
  return withFiles(view, feed, look, refused);
}

/** Whether the file was sealed or put away and the row does not say so, or is gone although its line was planned. */
function hasGoneOn(view: QueueView, job: Job, files: FeedFiles): boolean {
  const { sealed, putAway, content: row } = factsOf(job);
  if (putAway) return false;
  const lies = whereItLies(job, files);
  if (lies === 'failed' || lies === 'duplicates') return true;
  if (!sealed) return lies === 'underprocess';
  // A job whose file is missing is held with that reason, and waits for an operator.
  if (lies !== 'nowhere' || job.holdCode === 'sealed_file_missing') return false;
  const content = row === undefined ? undefined : view.read((reader) => contentByRow(reader, row));
  return content?.carrier === job.id && !hasEnded(content) && content.target !== null;
}
