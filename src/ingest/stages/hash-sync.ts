/**
 * Makes the bytes of a hashed batch durable before the commit that records the hashes.
 * Where that fails, no file of the batch is trusted: each is copied, and must still have the bytes that were hashed.
 * It runs after everything else that a batch makes durable: so a later failure cannot hide that a sync has failed.
 */
import { PlaceError } from '../../files/place-error.js';
import { syncFiles } from '../../files/sync.js';
import type { Sealed } from '../rules/facts.js';
import { type Hashed, isHashed } from '../steps/hashed.js';
import type { IngestJob } from '../steps/job.js';
import { type Batch, retry, type Step } from '../steps/stage.js';

/** Syncs the bytes of all hashed files. If that fails, each file is copied and compared instead of trusted. */
export async function syncHashed(jobs: readonly IngestJob[], handled: readonly Step[], batch: Batch): Promise<Step[]> {
  // A private copy is on disk already. Its original is not used again: after a failed sync a second one would report success wrongly.
  const isOwn = (step: Step): boolean => isHashed(step) && !step.isDurable && !step.hashed.sealed?.copied;
  const hashed = jobs.flatMap((job, i) => (isOwn(handled[i]!) ? [job] : []));
  const failed = new Set<IngestJob>();
  for (const inside of new Set(hashed.map((job) => job.inside))) {
    const group = hashed.filter((job) => job.inside === inside);
    try {
      await syncFiles(
        batch.files.work(inside),
        group.map((job) => batch.files.workPath(job, 'file')),
      );
    } catch (error) {
      if (error instanceof PlaceError) throw error;
      batch.emit('sync_failed', { feed: batch.feed.name, files: group.length, error: (error as Error).message });
      for (const job of group) failed.add(job);
    }
  }
  return handled.map((step, i) => (failed.has(jobs[i]!) && isHashed(step) ? untrusted(step) : step));
}

/**
 * After a failed fsync the kernel has dropped the dirty pages, and a second fsync would report success wrongly. The bytes are written
 * again, into a private copy, and must still be those that were hashed.
 */
function untrusted({ hashed, passed }: Hashed): Step {
  const { sha256, ...facts } = hashed;
  const sealed: Sealed = { ...facts.sealed!, kind: 'copy', because: 'sync_failed' };
  const step = retry('sync_failed', 'making the file durable failed: it is copied and compared at the next attempt', {
    ...facts,
    sealed,
    demanded: facts.demanded ?? sha256!,
  });
  return { ...step, ...(passed && { passed }) };
}
