/**
 * Takes a stored file out of the warehouse again, into `failed/`: an operator withdrew it, and its correction is written.
 * Guarantees: only the withdrawn content is taken, and nothing is overwritten. A copy (where the warehouse is another filesystem) is
 * on disk before the file is removed. Doing it twice is safe.
 */
import { FAILED } from '../../files/job-paths.js';
import { shownName } from '../../linux/index.js';
import { whoseFileAt } from '../evidence/at-path.js';
import type { Case } from '../evidence/case.js';
import { ownName } from '../evidence/names.js';
import { statEntry } from '../files/feed-files.js';
import { type Content, contentByRow, placeOf, shownPlace } from '../ledger/content.js';
import type { IngestJob } from '../steps/job.js';
import { type Batch, hold, retry, type Step } from '../steps/stage.js';
import { takeFile } from './take-file.js';
import { takeOutputs } from './take-outputs.js';

export async function takeOut(job: IngestJob, batch: Batch): Promise<Step> {
  const content = batch.backend.read((reader) => contentByRow(reader, job.facts.content ?? -1));
  if (!content?.target) {
    return retry(
      'not_the_carrier',
      `job ${job.id} withdraws no content that has a file: this is a bug, please report it`,
    );
  }
  if (job.facts.putAway!.leave) return outputsOut(job, batch, content);
  const path = await pathOf(job, batch, content);
  if (path === 'foreign') {
    // Its own file is gone, so its outputs may go.
    await takeOutputs(job, batch, content.row);
    return different(job, batch, content);
  }
  const taken =
    path === 'mine'
      ? await takeFile(batch, { job, key: job, n: 0, target: placeOf(content), sha256: content.sha256 })
      : 'taken';
  if (taken === 'differs') return different(job, batch, content);
  // The file goes first: as long as it is there, its outputs are there.
  return outputsOut(job, batch, content);
}

async function outputsOut(job: IngestJob, batch: Batch, content: Content): Promise<Step> {
  await takeOutputs(job, batch, content.row);
  return takenOut(job, batch, content);
}

function pathOf(job: IngestJob, batch: Batch, content: Content): Promise<Case['path']> {
  const { backend, feed, files } = batch;
  const reading = () => batch.hand(job, 'warehouse');
  return whoseFileAt(backend, { feed: feed.name, files, name: ownName(content), reading });
}

const different = (job: IngestJob, batch: Batch, content: Content): Step =>
  hold(
    'withdrawn_file_differs',
    `${shownPlace(batch.feed.warehouse, placeOf(content))} must be taken out, but its bytes are not the stored ones`,
    job.facts,
  );

function takenOut(job: IngestJob, batch: Batch, content: Content): Step {
  const isKept = statEntry(batch.files.workEntry(job, 'file', FAILED)) !== undefined;
  const { by, note } = job.facts.putAway!;
  return {
    outcome: { kind: 'finish', ending: 'withdrawn' },
    onSettled: () =>
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
