/**
 * The hash of a file that is large, copied, or waits for its turn (`--max-bytes-per-second`): beside everything else that this
 * process does, and given back when it drains.
 * Guarantees: the same two questions before and after as for a small file (src/ingest/calls/hash.ts); where a lease cannot tell, the
 * digest is of a private copy, which no uploader ever had a descriptor of, and that copy is what is stored.
 */
import { closeSync } from 'node:fs';
import { copyTo, removeIfThere } from '../../files/copy.js';
import { digestPaced } from '../../files/digest.js';
import type { DirtyDirectories } from '../../files/dirty.js';
import { inPlaceAsync } from '../../files/place-error.js';
import { folderOf } from '../../files/places.js';
import { probeFd } from '../../files/probe.js';
import { renameNoReplace } from '../../linux/index.js';
import { afterReading, type OpenSealed, openSealed } from '../calls/hash.js';
import type { HashAnswer } from '../calls/order.js';
import { isHashed } from '../steps/hashed.js';
import type { IngestJob } from '../steps/job.js';
import { type Batch, type Step, termsOf } from '../steps/stage.js';
import { judgeHash, toHash } from './hash.js';

export async function hashByItself(job: IngestJob, batch: Batch, dirty: DirtyDirectories): Promise<Step> {
  const open = openSealed(batch.files, termsOf(batch), toHash(job));
  if ('kind' in open) return judgeHash(job, batch, open);
  try {
    if (open.sealed.kind === 'lease') return judgeHash(job, batch, await read(batch, open));
    const step = judgeHash(job, batch, await copied(job, batch, open));
    keepCopy(job, batch, dirty, isHashed(step));
    return step;
  } finally {
    closeSync(open.fd);
  }
}

async function read({ files, pace }: Batch, open: OpenSealed): Promise<HashAnswer> {
  const digest = await digestPaced(open.fd, open.before.stat.size, pace);
  return afterReading(open, digest, probeFd(open.fd, files.kinds));
}

/** Copies while hashing. */
async function copied(job: IngestJob, { files, pace }: Batch, open: OpenSealed): Promise<HashAnswer> {
  const partial = files.makeWorkEntry(job, 'partial');
  const digest = await inPlaceAsync('work', files.roots.work, 'write', () =>
    copyTo(open.fd, open.before.stat, partial, { pace }),
  ).catch((error) => {
    // On a full disk it would keep the very room that is waited for.
    removeIfThere(partial.dir, partial.name);
    throw error;
  });
  return afterReading({ ...open, sealed: { ...open.sealed, copied: true } }, digest, probeFd(open.fd, files.kinds));
}

/** The copy gets its name where its hash counts. */
function keepCopy(job: IngestJob, { files }: Batch, dirty: DirtyDirectories, isKept: boolean): void {
  const partial = files.makeWorkEntry(job, 'partial');
  if (!isKept) {
    removeIfThere(partial.dir, partial.name);
    return;
  }
  const copy = files.makeWorkEntry(job, 'copy');
  removeIfThere(copy.dir, copy.name);
  renameNoReplace(partial.dir, partial.name, copy.dir, copy.name);
  dirty.add(files.work(job.inside), folderOf(files.workPath(job, 'copy')));
}
