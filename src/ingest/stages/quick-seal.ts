/**
 * Seals and hashes the plain files of a batch in one order (src/ingest/files/quick.ts), where the process goes on to `hash` anyway:
 * first claims of files that have been seen unchanged over their whole window.
 * Does not: decide anything that verify-complete would decide otherwise; what has no answer goes through it.
 */
import type { FeedOptions } from '../../base/config/options.js';
import type { DirtyDirectories } from '../../files/dirty.js';
import { folderOf, UNDERPROCESS } from '../../files/places.js';
import { type ByteName, statFd } from '../../linux/index.js';
import type { FileToSeal, QuickSealed, SidecarToSeal } from '../files/quick.js';
import { settleMs, windowMs } from '../rules/completion.js';
import type { Observation, Sealed } from '../rules/facts.js';
import { hashedStep } from './hash.js';
import type { IngestJob } from './job.js';
import { passedOn } from './sealed-step.js';
import type { Batch, Step, Straight } from './stage.js';

/** By job that was tried: its step, undefined where it has to be handled by itself. */
export async function sealQuickly(
  jobs: readonly IngestJob[],
  batch: Batch,
  dirty: DirtyDirectories,
): Promise<Map<IngestJob, Step | undefined>> {
  const { straight } = batch;
  const steps = new Map<IngestJob, Step | undefined>();
  if (!straight?.mayRun('hash')) return steps;
  const plain = jobs.filter((job) => isPlain(job, batch));
  if (plain.length === 0) return steps;
  const answers = await order(plain, batch, straight);
  plain.forEach((job, i) => {
    const answer = answers?.[i];
    steps.set(job, answer && sealed(job, batch, dirty, answer));
  });
  return steps;
}

function isPlain({ claim, inside, facts: { seen } }: IngestJob, batch: Batch): boolean {
  if (claim.claimNo !== 1 || inside !== '' || seen?.boot !== batch.boot) return false;
  return seen.sinceMs + shortestMs(batch.feed, seen) <= batch.now().ms;
}

/** With a sidecar that is newer than its file; an older one may be left over from another file of that name. */
const shortestMs = (feed: FeedOptions, seen: Observation): number =>
  feed.mode === 'sidecar' ? settleMs(feed, seen) : windowMs(feed, seen);

/** Undefined where leases tell nothing. */
async function order(
  jobs: readonly IngestJob[],
  { feed, files, now }: Batch,
  straight: Straight,
): Promise<(QuickSealed | undefined)[] | undefined> {
  const [input, work] = [files.input.rootFd, files.work('' as never).rootFd];
  const { dev } = statFd(work);
  if (!files.kinds.of(work, dev).leasesMeaningful) return undefined;
  const { ms } = now();
  const sidecarOf = (job: IngestJob, seen: Observation): SidecarToSeal => ({
    path: (job.path + feed.sidecarSuffix) as ByteName,
    sealed: files.workPath(job, 'sidecar'),
    mayBeOlder: seen.sinceMs + windowMs(feed, seen) <= ms,
  });
  const toSeal = jobs.map((job): FileToSeal => {
    const seen = job.facts.seen!;
    const file = { path: job.path, sealed: files.workPath(job, 'file'), seen: seen.identity };
    return feed.mode === 'sidecar' ? { ...file, sidecar: sidecarOf(job, seen) } : file;
  });
  const bounds = { leasesOn: dev, bytesMin: feed.minBytes, bytesMax: feed.maxBytes };
  return straight.quick({ kind: 'seal', input, work, ...bounds, files: toSeal }, jobs);
}

function sealed(job: IngestJob, batch: Batch, dirty: DirtyDirectories, answer: QuickSealed): Step {
  dirty.add(batch.files.input, folderOf(job.path));
  dirty.add(batch.files.work(job.inside), UNDERPROCESS);
  const { identity, size, sha256, sidecar } = answer;
  const asSealed: Sealed = { identity, kind: 'lease', ...(sidecar && { sidecar: true }) };
  const passed = passedOn(job, batch, asSealed, { identity, size }, sidecar);
  return { ...hashedStep(passed.facts, sha256, batch), passed };
}
