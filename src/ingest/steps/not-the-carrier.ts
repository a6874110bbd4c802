/** The step of a job that is in a stage after `hash` and does not carry its content: a bug, which is visible and loses nothing. */
import type { IngestJob } from './job.js';
import { retry, type Step } from './stage.js';

export const notTheCarrier = (job: IngestJob): Step =>
  retry(
    'not_the_carrier',
    `job ${job.id} does not carry content ${job.facts.content}: this is a bug, please report it`,
  );
