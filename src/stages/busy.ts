/**
 * A job whose manifest file is somebody else's just now waits: longer each time, so that one stopped owner does not keep
 * all others turning over a thousand jobs, fifty times a second.
 */
import type { IngestJob } from './job.js';
import { defer, type Step } from './stage.js';

const FIRST_MS = 20;
const LONGEST_MS = 1_000;
const BUSY = 'manifest_busy';

export function manifestBusy(job: IngestJob): Step {
  const last = job.claim.trail.at(-1);
  const before = last?.why === BUSY ? last.count : 0;
  return defer(Math.min(FIRST_MS * 2 ** Math.min(before, 10), LONGEST_MS), BUSY);
}
