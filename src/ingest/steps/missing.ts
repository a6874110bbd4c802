/** A sealed file that is missing. Its job is never dropped: an operator must act. */
import { UNDERPROCESS } from '../../files/job-paths.js';
import type { IngestJob } from './job.js';
import { type Batch, hold, type Step } from './stage.js';

export const sealedMissing = (job: IngestJob, { files }: Batch): Step =>
  hold(
    'sealed_file_missing',
    `the sealed file of job ${job.id} is no longer in ${files.roots.work}/${UNDERPROCESS}`,
    job.facts,
  );
