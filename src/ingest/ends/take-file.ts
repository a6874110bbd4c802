/**
 * Takes one file out of the warehouse, into `failed/`.
 * Guarantees: nothing is overwritten. A copy (where the warehouse is another filesystem) is on disk before the file is removed. Doing
 * it twice is safe.
 * Does not: check whose file it is; the caller does.
 */
import { DirtyDirectories } from '../../files/dirty.js';
import { FAILED, folderOf } from '../../files/job-paths.js';
import { sameMount } from '../../files/mounts.js';
import { inPlaceAsync } from '../../files/place-error.js';
import { type ByteName, unlinkAt } from '../../linux/index.js';
import { statEntry, type WorkKey } from '../files/feed-files.js';
import type { IngestJob } from '../steps/job.js';
import type { Batch } from '../steps/stage.js';
import { putAtTarget } from '../warehouse/target.js';

export interface Taken {
  job: IngestJob;
  /** Gives its name in `failed/`. */
  key: WorkKey;
  /** Below the warehouse. */
  target: ByteName;
  sha256: Buffer;
}

/** `differs`: it has other bytes, or another file has its name in `failed/`. Then it stays. */
export async function takeFile(batch: Batch, { job, key, target, sha256 }: Taken): Promise<'taken' | 'differs'> {
  const entry = batch.files.entryOrNone(batch.files.warehouse, target);
  const stat = statEntry(entry);
  if (!entry || !stat) return 'taken'; // a consumer took it just now
  const work = batch.files.work(key.inside);
  const dirty = new DirtyDirectories();
  const source = { entry, stat, sha256, claim: { id: job.id, claimNo: job.claim.claimNo } };
  const put = await inPlaceAsync('work', batch.files.roots.work, 'write', () =>
    putAtTarget(work, batch.files.workPath(key, 'file', FAILED), source, dirty),
  );
  if (put === 'wrong_bytes' || put === 'taken') return 'differs';
  dirty.add(batch.files.warehouse, folderOf(target));
  // A rename had taken it out before a crash. The file that lies there now came later, from somebody else.
  const wasRenamed = put === 'there' && sameMount(work.rootFd, entry.dir);
  if (put !== 'renamed' && !wasRenamed) {
    await dirty.sync(); // the copy must be on disk before its source is removed
    unlinkAt(entry.dir, entry.name);
    dirty.add(batch.files.warehouse, folderOf(target));
  }
  await dirty.sync();
  return 'taken';
}
