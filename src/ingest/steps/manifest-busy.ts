/**
 * A job waits when another process has its manifest file: longer each time, so that one stopped owner does not make the
 * others claim a thousand jobs fifty times a second.
 * A lease on the file takes longer: the kernel asks the lease's owner, who needs a moment to give it back.
 */
import type { IngestJob } from './job.js';
import { defer, type Step } from './stage.js';

const FIRST_MS = { busy: 20, leased: 250 } as const;
const LONGEST_MS = 1_000;

export function manifestBusy(job: IngestJob, how: keyof typeof FIRST_MS = 'busy'): Step {
  const why = `manifest_${how}` as const;
  const last = job.claim.trail.at(-1);
  const before = last?.why === why ? last.count : 0;
  return defer(Math.min(FIRST_MS[how] * 2 ** Math.min(before, 10), LONGEST_MS), why);
}
