/** The ledger's rows of a batch's jobs, read in one short transaction: one a job costs as much as the move itself. */
import { type Content, contentByRow } from '../ledger/content.js';
import type { IngestJob } from './job.js';
import type { Batch } from './stage.js';

/** As they are now. Nobody takes a content from its carrier while that is claimed; a line may be confirmed by others. */
export const contentsOf = (jobs: readonly IngestJob[], batch: Batch): Map<IngestJob, Content | undefined> =>
  batch.backend.read((reader) => new Map(jobs.map((job) => [job, contentByRow(reader, job.facts.content ?? -1)])));
