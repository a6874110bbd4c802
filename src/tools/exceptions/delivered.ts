/**
 * Finds held jobs whose file was delivered, as their stage would decide it, so that only the settlement is missing. Such a job can be
 * finished, and no longer given up.
 * Errors: EnvironmentError if a warehouse or a work directory cannot be read.
 */
import type { Backend, Job } from '../../../queue/backend.js';
import { EnvironmentError } from '../../base/errors.js';
import { sourceEntry } from '../../ingest/calls/move.js';
import { whoseFileAt } from '../../ingest/evidence/at-path.js';
import { deliveredAs } from '../../ingest/evidence/delivered.js';
import { ownName } from '../../ingest/evidence/names.js';
import { FeedFiles, isOfFiles, statEntry } from '../../ingest/files/feed-files.js';
import { contentByRow } from '../../ingest/ledger/content.js';
import type { Delivered } from '../../ingest/ledger/stored.js';
import { factsOf, workKeyOf } from '../../ingest/rules/facts.js';
import { sourceOf } from '../../ingest/stages/move.js';
import { recordedRoots } from '../../ingest/upkeep/recorded-roots.js';

/** By job. */
export async function deliveredJobs(backend: Backend, ids: readonly string[]): Promise<Map<string, Delivered>> {
  const found = new Map<string, Delivered>();
  const opened = new Map<string, FeedFiles>();
  try {
    for (const id of ids) {
      const job = backend.job(id);
      const delivered = job?.state === 'held' ? await deliveredJob(backend, job, opened) : undefined;
      if (delivered) found.set(id, delivered);
    }
    return found;
  } catch (error) {
    if (!isOfFiles(error)) throw error;
    throw new EnvironmentError('root_unusable', `${error.message}, and it may have the file already; discard it then.`);
  } finally {
    for (const files of opened.values()) files.close();
  }
}

async function deliveredJob(
  backend: Backend,
  job: Job,
  opened: Map<string, FeedFiles>,
): Promise<Delivered | undefined> {
  const facts = factsOf(job);
  const content =
    facts.content === undefined ? undefined : backend.read((reader) => contentByRow(reader, facts.content!));
  // No file is moved before its line is confirmed.
  if (content?.state !== 'manifested' || content.carrier !== job.id) return undefined;
  const files = opened.get(job.feed) ?? new FeedFiles(recordedRoots(backend, job.feed));
  opened.set(job.feed, files);
  const path = await whoseFileAt(backend, { feed: job.feed, files, name: ownName(content)! });
  return deliveredAs(path, job.interrupted && isGone(files, job));
}

/** As `move` looks for it. */
const isGone = (files: FeedFiles, job: Job): boolean =>
  statEntry(sourceEntry(files, sourceOf({ ...workKeyOf(job), facts: factsOf(job) }))) === undefined;
