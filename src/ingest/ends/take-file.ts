/**
 * Takes one file out of the warehouse, into `failed/`.
 * Guarantees: nothing is overwritten, and a copy (the warehouse is another filesystem) is on disk before the file is removed; doing it twice
 * is doing it once.
 * Does not: ask whose file it is; the caller does.
 */
import { DirtyDirectories } from '../../files/dirty.js';
import { sameMount } from '../../files/mounts.js';
import { inPlaceAsync } from '../../files/place-error.js';
import { FAILED, folderOf } from '../../files/places.js';
import { type ByteName, unlinkAt } from '../../linux/index.js';
import { statEntry, type WorkKey } from '../files/feed-files.js';
import type { IngestJob } from '../steps/job.js';
import type { Batch } from '../steps/stage.js';
import { putAtTarget } from '../warehouse/target.js';

export interface Taken {
  job: IngestJob;
  /** Makes its name in `failed/`. */
  key: WorkKey;
  /** Below the warehouse. */
  target: ByteName;
  sha256: Buffer;
}

/** `differs`: it has other bytes, or its place in `failed/` is taken by such; it stays. */
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
  // By rename it was taken out before a crash: what lies there now was put there since, by somebody else.
  const wasRenamed = put === 'there' && sameMount(work.rootFd, entry.dir);
  if (put !== 'renamed' && !wasRenamed) {
    await dirty.sync(); // the copy, before what it was copied from goes
    unlinkAt(entry.dir, entry.name);
    dirty.add(batch.files.warehouse, folderOf(target));
  }
  await dirty.sync();
  return 'taken';
}
