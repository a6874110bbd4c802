/**
 * Asks the shared ledger, before the commit of a hashed batch, which host has its contents.
 * Guarantees: a content that this host's ledger is about to record is this host's in the shared ledger. While that is away, hashes
 * are kept: no file is read twice because of it.
 */
import { PlaceError } from '../../files/place-error.js';
import { contentByHash } from '../ledger/content.js';
import { asking, type Hashed, isHashed } from '../steps/hashed.js';
import type { IngestJob } from '../steps/job.js';
import { type Batch, blocked, hold, type Step } from '../steps/stage.js';

/** The stage whose gate a failing shared ledger closes. */
const HASH = 'hash';

interface Open {
  job: IngestJob;
  at: number;
  step: Hashed;
  sha256: Buffer;
}

export async function askShared(jobs: readonly IngestJob[], steps: Step[], batch: Batch): Promise<Step[]> {
  const { shared, feed } = batch;
  if (!shared) return steps;
  const open = openOf(jobs, steps, batch);
  if (open.length === 0) return steps;
  const all = [...steps];
  try {
    const answers = await shared.ask(
      feed,
      open.map(({ job, sha256 }) => ({
        job: job.id,
        sha256,
        size: job.claim.bytes,
        waitedMs: Math.max(0, Date.now() - job.claim.createdAtMs),
      })),
    );
    open.forEach(({ at, step }, i) => {
      const says = answers[i]!;
      all[at] =
        typeof says === 'string'
          ? withPassed(hold('ledger_refuses', says, step.hashed), step)
          : asking(batch, { ...step, says });
    });
  } catch (error) {
    if (!(error instanceof PlaceError)) throw error;
    for (const { at, step } of open)
      all[at] = withPassed(blocked(HASH, feed.name, error, batch.emit, step.hashed), step);
  }
  return all;
}

/** A job that already has its content does not ask: the rest of its delivery is never taken for another one. */
function openOf(jobs: readonly IngestJob[], steps: readonly Step[], { backend, feed }: Batch): Open[] {
  return backend.read((reader) =>
    jobs.flatMap((job, at) => {
      const step = steps[at]!;
      if (!isHashed(step)) return [];
      const sha256 = Buffer.from(step.hashed.sha256!, 'hex');
      const known = contentByHash(reader, feed.name, sha256);
      const isOwn = known !== undefined && (known.carrier === job.id || known.ingestId === job.id);
      return isOwn ? [] : [{ job, at, step, sha256 }];
    }),
  );
}

const withPassed = (step: Step, { passed }: Step): Step => ({ ...step, ...(passed && { passed }) });
