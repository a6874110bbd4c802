/** Jobs as /trace answers them: those under way, and those that ended last. */
import type { Job } from '../../../../queue/backend.js';
import type { QueueView } from '../../../../queue/index.js';
import { type Made, madeOf } from '../../../ingest/chains/recorded-outputs.js';
import { isWithChild, jobsInProgress } from '../../../ingest/health/in-progress.js';
import { readSoFar } from '../../../ingest/health/read-so-far.js';
import { contentByRow, shownPlace } from '../../../ingest/ledger/content.js';
import type { JobFacts } from '../../../ingest/rules/facts.js';
import { type ByteName, shownName } from '../../../linux/index.js';

export interface TracedJob {
  id: string;
  feed: string;
  /** Relative to the input; bytes that are no UTF-8 as U+FFFD. */
  path: string;
  bytes: number;
  /** Bytes read so far of a large file in progress. Null where that is not known. */
  bytes_done: number | null;
  /** True while its process works on it, and not on another job that it has claimed. */
  in_progress: boolean;
  stage: string;
  /** claimed, or the ending: stored, duplicate, discarded, dropped. */
  state: string;
  /** ISO 8601: claimed or ended at. */
  since: string;
  sha256: string | null;
  /** The place of a stored file; for a duplicate the place of the first file with its content. */
  warehouse_path: string | null;
  /** Set for a stored file that went through a chain; null for others. */
  processed: Made | null;
}

/** Claimed files: those in progress first, then the largest. */
export function inFlight(view: QueueView, most: number): TracedJob[] {
  const inProgress = new Map(jobsInProgress(view).map((job) => [job.id, job]));
  const others = view.inProgress(most).filter(({ id }) => !inProgress.has(id));
  const jobs = [...inProgress.values(), ...others].slice(0, most);
  const done = readSoFar(jobs, view.owners());
  return jobs.map((job) => ({
    ...tracedJob(job),
    bytes_done: done.get(job.id) ?? null,
    in_progress: inProgress.has(job.id) || isWithChild(job.stage),
  }));
}

function tracedJob(job: Job): TracedJob {
  const { sha256 } = job.payload as unknown as JobFacts;
  return {
    id: job.id,
    feed: job.feed,
    path: shownName(job.key.toString('latin1') as ByteName),
    bytes: job.bytes,
    stage: job.stage,
    state: job.ending ?? job.state,
    since: new Date(job.updatedAtMs).toISOString(),
    bytes_done: null,
    in_progress: false,
    sha256: sha256 ?? null,
    warehouse_path: null,
    processed: null,
  };
}

/** The files that ended last, newest first. */
export function lastEnded(view: QueueView, most: number): TracedJob[] {
  const warehouses = new Map(view.feeds().map(({ name, options }) => [name, String(options.warehouse)]));
  return view.endings(most).map((job) => endedJob(view, job, warehouses.get(job.feed)));
}

function endedJob(view: QueueView, job: Job, warehouse: string | undefined): TracedJob {
  const traced = tracedJob(job);
  if (job.ending !== 'stored' && job.ending !== 'duplicate') return traced;
  const facts = job.payload as unknown as JobFacts;
  const content = view.read((rows) => contentByRow(rows, facts.content ?? -1));
  const made = job.ending === 'stored' && content ? view.read((rows) => madeOf(rows, content.row)) : undefined;
  const target = facts.putAway?.of ?? content?.target?.toString('latin1');
  return {
    ...traced,
    sha256: content?.sha256.toString('hex') ?? traced.sha256,
    warehouse_path: target === undefined || warehouse === undefined ? null : shownPlace(warehouse, target as ByteName),
    processed: made ?? null,
  };
}
