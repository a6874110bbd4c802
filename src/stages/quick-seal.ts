/**
 * Seals and hashes the plain files of a batch in one order (src/files/quick.ts), where the process goes on to `hash` anyway:
 * first claims of files that have been seen unchanged over their whole window.
 * Does not: decide anything that verify-complete would decide otherwise; what has no answer goes through it.
 */
import type { DirtyDirectories } from '../files/dirty.js';
import { folderOf, UNDERPROCESS } from '../files/places.js';
import type { FileToSeal, QuickSealed } from '../files/quick.js';
import { statFd } from '../linux/index.js';
import { windowMs } from './completion.js';
import { hashedStep } from './hash.js';
import type { Hashed } from './hash-sync.js';
import type { IngestJob } from './job.js';
import { passedOn } from './sealed-step.js';
import type { Batch, Straight } from './stage.js';

/** By job that was tried: its step, undefined where it has to be handled by itself. */
export async function sealQuickly(
  jobs: readonly IngestJob[],
  batch: Batch,
  dirty: DirtyDirectories,
): Promise<Map<IngestJob, Hashed | undefined>> {
  const { straight, feed } = batch;
  const steps = new Map<IngestJob, Hashed | undefined>();
  if (!straight?.mayRun('hash') || feed.mode !== 'stability') return steps;
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
  return seen.sinceMs + windowMs(batch.feed, seen) <= batch.now().ms;
}

/** Undefined where leases tell nothing. */
async function order(
  jobs: readonly IngestJob[],
  { feed, files }: Batch,
  straight: Straight,
): Promise<(QuickSealed | undefined)[] | undefined> {
  const [input, work] = [files.input.rootFd, files.work('' as never).rootFd];
  const { dev } = statFd(work);
  if (!files.kinds.of(work, dev).leasesMeaningful) return undefined;
  const toSeal = jobs.map(
    (job): FileToSeal => ({ path: job.path, sealed: files.workPath(job, 'file'), seen: job.facts.seen!.identity }),
  );
  const bounds = { leasesOn: dev, bytesMin: feed.minBytes, bytesMax: feed.maxBytes };
  return straight.quick({ kind: 'seal', input, work, ...bounds, files: toSeal }, jobs);
}

function sealed(job: IngestJob, batch: Batch, dirty: DirtyDirectories, answer: QuickSealed): Hashed {
  dirty.add(batch.files.input, folderOf(job.path));
  dirty.add(batch.files.work(job.inside), UNDERPROCESS);
  const { identity, size, sha256 } = answer;
  const passed = passedOn(job, batch, { identity, kind: 'lease' }, { identity, size });
  return { ...hashedStep(passed.facts, sha256), passed };
}
