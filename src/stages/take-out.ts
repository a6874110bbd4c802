/**
 * Takes a stored file out of the warehouse again, into `failed/`: an operator withdrew it, and its correction is written.
 * Guarantees: only the content that was withdrawn is taken, nothing is overwritten, and a copy (the warehouse is another
 * filesystem) is on disk before the file is removed; doing it twice is doing it once.
 */
import type { Entry } from '../files/directories.js';
import { DirtyDirectories } from '../files/dirty.js';
import { statEntry } from '../files/feed-files.js';
import { inPlaceAsync } from '../files/place-error.js';
import { FAILED, folderOf } from '../files/places.js';
import { type Content, contentByRow, placeOf } from '../ledger/content.js';
import { type Stat, shownName, unlinkAt } from '../linux/index.js';
import { isContent, putAtTarget } from '../warehouse/target.js';
import type { IngestJob } from './job.js';
import { type Batch, hold, retry, type Step } from './stage.js';

export async function takeOut(job: IngestJob, batch: Batch): Promise<Step> {
  const content = batch.backend.read((reader) => contentByRow(reader, job.facts.content ?? -1));
  if (!content?.target) {
    return retry(
      'not_the_carrier',
      `job ${job.id} withdraws no content that has a file: this is a bug, please report it`,
    );
  }
  const entry = batch.files.entryOrNone(batch.files.warehouse, placeOf(content));
  const lies = statEntry(entry);
  // Not there: taken out before a crash, or by a consumer.
  if (entry && lies) {
    batch.hand(job, 'warehouse');
    const refused = await takeOne(job, batch, content, { entry, stat: lies });
    if (refused) return refused;
  }
  return takenOut(job, batch, content);
}

/** Answers a step where the file has to stay. */
async function takeOne(
  job: IngestJob,
  batch: Batch,
  content: Content,
  { entry, stat }: { entry: Entry; stat: Stat },
): Promise<Step | undefined> {
  const at = `${batch.feed.warehouse}/${shownName(placeOf(content))}`;
  const different = hold(
    'withdrawn_file_differs',
    `${at} is to be taken out, but it has other bytes than were stored there: look at it and move it away, then ingest-ctl retry`,
    job.facts,
  );
  if (stat.kind !== 'file' || !(await isContent(entry, content.sha256, undefined))) return different;
  const work = batch.files.work(job.inside);
  const dirty = new DirtyDirectories();
  const source = { entry, stat, sha256: content.sha256, claim: { id: job.id, claimNo: job.claim.claimNo } };
  const put = await inPlaceAsync('work', batch.files.roots.work, 'write', () =>
    putAtTarget(work, batch.files.workPath(job, 'file', FAILED), source, dirty),
  );
  if (put === 'wrong_bytes' || put === 'taken') return different;
  dirty.add(batch.files.warehouse, folderOf(placeOf(content)));
  if (put !== 'renamed') {
    await dirty.sync(); // the copy, before what it was copied from goes
    unlinkAt(entry.dir, entry.name);
    dirty.add(batch.files.warehouse, folderOf(placeOf(content)));
  }
  await dirty.sync();
  return undefined;
}

function takenOut(job: IngestJob, batch: Batch, content: Content): Step {
  const isKept = statEntry(batch.files.workEntry(job, 'file', FAILED)) !== undefined;
  const { by, note } = job.facts.putAway!;
  return {
    outcome: { kind: 'finish', ending: 'withdrawn' },
    told: () =>
      batch.emit('file_withdrawn', {
        feed: batch.feed.name,
        job: job.id,
        path: job.path,
        warehouse_path: `${batch.feed.warehouse}/${shownName(placeOf(content))}`,
        sha256: content.sha256.toString('hex'),
        bytes: content.size,
        by,
        reason: note,
        kept: isKept,
      }),
  };
}
