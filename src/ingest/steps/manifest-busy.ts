/**
 * A job whose manifest file is somebody else's just now waits: longer each time, so that one stopped owner does not keep
 * all others turning over a thousand jobs, fifty times a second.
 * A lease on the file is another matter: who has it is asked by the kernel, and needs a moment to give it back.
 */
import type { IngestJob } from './job.js';
import { defer, type Step } from './stage.js';

const FIRST_MS = { busy: 20, leased: 250 } as const;
const LONGEST_MS = 1_000;

export function manifestBusy(job: IngestJob, how: keyof typeof FIRST_MS = 'busy'): Step {
  const why = `manifest_${how}`;
  const last = job.claim.trail.at(-1);
  const before = last?.why === why ? last.count : 0;
  return defer(Math.min(FIRST_MS[how] * 2 ** Math.min(before, 10), LONGEST_MS), why);
}
