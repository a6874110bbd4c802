/** A sidecar that is there and cannot be read: what it demands has to be known before its file goes on. */
import type { Outcome } from '../../../queue/backend.js';
import { shownName } from '../../linux/index.js';
import type { SidecarRead } from '../files/sidecar.js';
import { SIDECAR_OPEN_MS } from '../rules/completion.js';
import type { JobFacts } from '../rules/facts.js';
import type { IngestJob } from '../steps/job.js';
import { type Batch, defer, retry, type SeenNow, type Step } from '../steps/stage.js';

/** Undefined when it was read, or is missing. Without what it demands, nothing would be checked. */
export function notRead(
  job: IngestJob,
  batch: Batch,
  seen: SidecarRead['seen'],
  facts: JobFacts,
  seenNow?: SeenNow,
): Step | undefined {
  if (seen.kind === 'open') return defer(SIDECAR_OPEN_MS, 'sidecar_open', facts);
  if (seen.kind !== 'unreadable') return undefined;
  const name = `${shownName(job.path)}${batch.feed.sidecarSuffix}`;
  const error = `its sidecar ${name} is there, but cannot be read (${seen.code}): give this user read permission, or look at the disk`;
  const { outcome } = retry('sidecar_unreadable', error, facts);
  return { outcome: { ...(outcome as Outcome), ...seenNow } };
}

/** Of a sealed file that was found without its job: its sidecar could not be read then. */
export function readAgain(job: IngestJob, batch: Batch, { seen, demanded }: SidecarRead): Step {
  const { unread: _, ...facts } = job.facts;
  return (
    notRead(job, batch, seen, job.facts) ??
    defer(0, 'sidecar_read', { ...facts, ...(demanded !== undefined && { demanded }) })
  );
}
