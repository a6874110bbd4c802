/**
 * Takes a stored file out of the warehouse again, into `failed/`: an operator withdrew it, and its correction is written.
 * Guarantees: only the content that was withdrawn is taken, nothing is overwritten, and a copy (the warehouse is another
 * filesystem) is on disk before the file is removed; doing it twice is doing it once.
 */
import type { FeedOptions } from '../../base/config/options.js';
import { DirtyDirectories } from '../../files/dirty.js';
import { sameMount } from '../../files/mounts.js';
import { inPlaceAsync } from '../../files/place-error.js';
import { FAILED, folderOf } from '../../files/places.js';
import { shownName, unlinkAt } from '../../linux/index.js';
import { lookAtPath } from '../evidence/at-path.js';
import type { Case } from '../evidence/case.js';
import { judge } from '../evidence/table.js';
import { statEntry } from '../files/feed-files.js';
import { type Content, contentByRow, placeOf, shownPlace } from '../ledger/content.js';
import type { IngestJob } from '../steps/job.js';
import { type Batch, hold, retry, type Step } from '../steps/stage.js';
import { dropReservation } from '../warehouse/reserve.js';
import { putAtTarget } from '../warehouse/target.js';

export async function takeOut(job: IngestJob, batch: Batch): Promise<Step> {
  const content = batch.backend.read((reader) => contentByRow(reader, job.facts.content ?? -1));
  if (!content?.target) {
    return retry(
      'not_the_carrier',
      `job ${job.id} withdraws no content that has a file: this is a bug, please report it`,
    );
  }
  if (job.facts.putAway!.leave) return takenOut(job, batch, content);
  const { acts } = judge({
    ...{
      row: 'withdrawn',
      job: 'taking_out',
      line: 'not_looked',
      back: 'taken_out',
      owed: false,
      sealed: 'not_looked',
    },
    path: await pathOf(job, batch, content),
  });
  if (acts.includes('hold_withdrawn_file_differs')) return different(job, batch, content);
  const refused = acts.includes('take_out') ? await takeFile(job, batch, content) : undefined;
  return refused ?? takenOut(job, batch, content);
}

function pathOf(job: IngestJob, batch: Batch, content: Content): Promise<Case['path']> {
  const { backend, feed, files } = batch;
  const feeds = backend.feeds().map(({ options }) => options as unknown as FeedOptions);
  return lookAtPath(backend, { feed, feeds, files, content, reading: () => batch.hand(job, 'warehouse') });
}

const different = (job: IngestJob, batch: Batch, content: Content): Step =>
  hold(
    'withdrawn_file_differs',
    `${shownPlace(batch.feed.warehouse, placeOf(content))} is to be taken out, but it has other bytes than were stored there: look at it and move it away, then ingest-ctl retry, or leave it there by ingest-ctl discard`,
    job.facts,
  );

/** Answers a step where the file has to stay. */
async function takeFile(job: IngestJob, batch: Batch, content: Content): Promise<Step | undefined> {
  const target = placeOf(content);
  const entry = batch.files.entryOrNone(batch.files.warehouse, target);
  const stat = statEntry(entry);
  if (!entry || !stat) return undefined; // a consumer took it just now
  const work = batch.files.work(job.inside);
  const dirty = new DirtyDirectories();
  const source = { entry, stat, sha256: content.sha256, claim: { id: job.id, claimNo: job.claim.claimNo } };
  const put = await inPlaceAsync('work', batch.files.roots.work, 'write', () =>
    putAtTarget(work, batch.files.workPath(job, 'file', FAILED), source, dirty),
  );
  if (put === 'wrong_bytes' || put === 'taken') return different(job, batch, content);
  dirty.add(batch.files.warehouse, folderOf(target));
  // By rename it was taken out before a crash: what lies there now was put there since, by somebody else.
  const wasRenamed = put === 'there' && sameMount(work.rootFd, entry.dir);
  if (put !== 'renamed' && !wasRenamed) {
    await dirty.sync(); // the copy, before what it was copied from goes
    unlinkAt(entry.dir, entry.name);
    dirty.add(batch.files.warehouse, folderOf(target));
  }
  await dirty.sync();
  return undefined;
}

function takenOut(job: IngestJob, batch: Batch, content: Content): Step {
  const isKept = statEntry(batch.files.workEntry(job, 'file', FAILED)) !== undefined;
  const { by, note } = job.facts.putAway!;
  return {
    outcome: (tx) => {
      dropReservation(tx, content.row);
      return { kind: 'finish', ending: 'withdrawn' };
    },
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
