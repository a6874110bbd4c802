/** The steps for a sidecar that exists and cannot be read. Its file goes on only after its checksum is known. */
import type { Outcome } from '../../../queue/backend.js';
import { shownName } from '../../linux/index.js';
import type { SidecarRead } from '../files/sidecar.js';
import { demandOf } from '../rules/checksum.js';
import { SIDECAR_OPEN_MS } from '../rules/completion.js';
import type { JobFacts } from '../rules/facts.js';
import type { IngestJob } from '../steps/job.js';
import { type Batch, defer, retry, type SeenNow, type Step } from '../steps/stage.js';

/** Undefined where the sidecar was read, or is missing. Without its checksum the file would go on unchecked. */
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

/** Reads the sidecar of a sealed file that was found without a job, and whose sidecar could not be read then. */
export function readAgain(job: IngestJob, batch: Batch, { seen, says }: SidecarRead): Step {
  const { unread: _, ...facts } = job.facts;
  return notRead(job, batch, seen, job.facts) ?? defer(0, 'sidecar_read', { ...facts, ...demandOf(says) });
}
