/** A sealed file that is gone: never dropped, a person has to look. */
import { UNDERPROCESS } from '../../files/places.js';
import type { IngestJob } from './job.js';
import { type Batch, hold, type Step } from './stage.js';

export const sealedMissing = (job: IngestJob, { files }: Batch): Step =>
  hold(
    'sealed_file_missing',
    `the sealed file of job ${job.id} is not in ${files.roots.work}/${UNDERPROCESS} any more: put it back and ingest-ctl retry, or ingest-ctl discard`,
    job.facts,
  );
