/**
 * Finds held jobs whose file is already at its target, so that only the settlement is missing. Such a job can be finished, and
 * no longer given up.
 * Errors: EnvironmentError if a warehouse cannot be read.
 */
import type { Backend, Job } from '../../../queue/backend.js';
import type { FeedOptions } from '../../base/config/options.js';
import { EnvironmentError } from '../../base/errors.js';
import { PlaceError } from '../../files/place-error.js';
import { whoseFileAt } from '../../ingest/evidence/at-path.js';
import { judge } from '../../ingest/evidence/table.js';
import { FeedFiles } from '../../ingest/files/feed-files.js';
import { contentByRow } from '../../ingest/ledger/content.js';
import { recordedRoots } from '../../ingest/roots/recorded-roots.js';
import type { JobFacts } from '../../ingest/rules/facts.js';

export async function storedInPlace(backend: Backend, ids: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  const opened = new Map<string, FeedFiles>();
  try {
    for (const id of ids) {
      const job = backend.job(id);
      if (job?.state === 'held' && (await isInPlace(backend, job, opened))) found.add(id);
    }
    return found;
  } catch (error) {
    if (!(error instanceof PlaceError)) throw error;
    throw new EnvironmentError('root_unusable', `${error.message}, and it may have the file already; discard it then.`);
  } finally {
    for (const files of opened.values()) files.close();
  }
}

async function isInPlace(backend: Backend, job: Job, opened: Map<string, FeedFiles>): Promise<boolean> {
  const { content: row } = job.payload as unknown as JobFacts;
  const content = row === undefined ? undefined : backend.read((reader) => contentByRow(reader, row));
  // No file is moved before its line is confirmed.
  if (content?.state !== 'manifested' || content.carrier !== job.id) return false;
  const files = opened.get(job.feed) ?? new FeedFiles(recordedRoots(backend, job.feed));
  opened.set(job.feed, files);
  const feeds = backend.feeds().map(({ options }) => options as unknown as FeedOptions);
  const feed = feeds.find(({ name }) => name === job.feed)!;
  const { truth } = judge({
    row: 'manifested',
    job: 'held',
    line: 'there',
    back: 'no',
    owed: false,
    sealed: 'not_looked',
    path: await whoseFileAt(backend, { feed, feeds, files, content }),
  });
  return truth === 'stored';
}
