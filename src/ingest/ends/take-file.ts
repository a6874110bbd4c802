/**
 * Takes one file out of the warehouse, into `failed/`.
 * Guarantees: nothing is overwritten. A copy (where the warehouse is another filesystem) is on disk before the file is removed. Doing
 * it twice is safe.
 * Does not: check whose file it is; the caller does.
 */
import type { Entry } from '../../files/directories.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { FAILED, folderOf } from '../../files/job-paths.js';
import { sameMount } from '../../files/mounts.js';
import type { Delivered } from '../../files/moves.js';
import { inPlaceAsync } from '../../files/place-error.js';
import { type ByteName, LinuxError, unlinkAt } from '../../linux/index.js';
import { type FeedFiles, statEntry, type WorkKey } from '../files/feed-files.js';
import { bringOn, type Taker, take } from '../files/take.js';
import type { IngestJob } from '../steps/job.js';
import type { Batch } from '../steps/stage.js';
import { putByBytes } from '../warehouse/target.js';

export interface Taken {
  job: IngestJob;
  /** Gives its name in `failed/`. */
  key: WorkKey;
  /** 0: the job's own file; else the number of its output. */
  n: number;
  /** Below the warehouse. */
  target: ByteName;
  sha256: Buffer;
}

/** `differs`: it has other bytes, or another file has its name in `failed/`. Then it stays. */
export async function takeFile(batch: Batch, { job, key, n, target, sha256 }: Taken): Promise<'taken' | 'differs'> {
  const entry = batch.files.entryOrNone(batch.files.warehouse, target);
  const stat = statEntry(entry);
  if (!entry || !stat) return 'taken'; // a consumer took it just now
  const work = batch.files.work(key.inside);
  const dirty = new DirtyDirectories();
  const source = { entry, stat, sha256, copy: { id: job.id, n, claimNo: job.claim.claimNo } };
  const to = batch.files.workPath(key, 'file', FAILED);
  const came = toFailed(batch.files, { ...key, claimNo: job.claim.claimNo }, entry);
  dirty.add(work, folderOf(to));
  const put =
    came === 'renamed'
      ? came
      : await inPlaceAsync('work', batch.files.roots.work, 'write', () => putByBytes(work, to, source, came));
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

function toFailed(files: FeedFiles, job: Taker, from: Entry): Delivered {
  try {
    take(files, job, { part: 'file', from, place: 'warehouse', folder: FAILED });
    return 'renamed';
  } catch (error) {
    const { code } = error as { code?: string };
    if (!(error instanceof LinuxError) || (code !== 'EEXIST' && code !== 'EXDEV')) throw error;
    return code === 'EEXIST' ? 'exists' : 'across';
  }
}

/** Puts into `failed/` what an earlier claim of the job took out and did not get there before it died. */
export async function bringToFailed(batch: Batch, job: IngestJob): Promise<void> {
  const dirty = new DirtyDirectories();
  for (const { part, path } of bringOn(batch.files, job, FAILED))
    dirty.add(batch.files.work(job.inside), folderOf(batch.files.workPath({ ...job, path }, part, FAILED)));
  await dirty.sync();
}
