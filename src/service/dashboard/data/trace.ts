/** Jobs as /trace answers them: those under way, and those that ended last. */
import type { Job } from '../../../../queue/backend.js';
import type { QueueView } from '../../../../queue/index.js';
import { type Made, madeOf } from '../../../ingest/chains/recorded-outputs.js';
import { isWithChild, jobsInProgress } from '../../../ingest/health/in-progress.js';
import { readSoFar } from '../../../ingest/health/read-so-far.js';
import { contentByRow, shownPlace } from '../../../ingest/ledger/content.js';
import type { JobFacts } from '../../../ingest/rules/facts.js';
import { type ByteName, shownName } from '../../../linux/index.js';

/** Claimed files: those in progress first, then the largest. */
export function inFlight(view: QueueView, most: number) {
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

function tracedJob(job: Job) {
  const { sha256 = null } = job.payload as unknown as Partial<JobFacts>;
  return {
    id: job.id,
    feed: job.feed,
    /** Relative to the input; bytes that are no UTF-8 as U+FFFD. */
    path: shownName(job.key.toString('latin1') as ByteName),
    bytes: job.bytes,
    stage: job.stage,
    /** claimed, or the ending: stored, duplicate, discarded, dropped. */
    state: job.ending ?? job.state,
    /** ISO 8601: claimed or ended at. */
    since: new Date(job.updatedAtMs).toISOString(),
    /** Bytes read so far of a large file in progress. Null where that is not known. */
    bytes_done: null as number | null,
    /** True while its process works on it, and not on another job that it has claimed. */
    in_progress: false,
    sha256,
    /** The place of a stored file; for a duplicate the place of the first file with its content. */
    warehouse_path: null as string | null,
    /** Set for a stored file that went through a chain; null for others. */
    processed: null as Made | null,
  };
}

/** The files that ended last, newest first. */
export function lastEnded(view: QueueView, most: number) {
  const warehouses = new Map(view.feeds().map(({ name, options }) => [name, String(options.warehouse)]));
  return view.endings(most).map((job) => endedJob(view, job, warehouses.get(job.feed)));
}

function endedJob(view: QueueView, job: Job, warehouse: string | undefined): ReturnType<typeof tracedJob> {
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
