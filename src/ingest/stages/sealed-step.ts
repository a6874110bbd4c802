/** What verify-complete says of a file that lies in `underprocess/`. */

import type { Probe } from '../../files/probe.js';
import type { SidecarRead, SidecarSays } from '../files/sidecar.js';
import { type JobFacts, payloadOf, type Sealed } from '../rules/facts.js';
import { identityOf } from '../rules/identity.js';
import type { IngestJob } from './job.js';
import type { Batch, Passed } from './stage.js';

export interface SealedStep extends Passed {
  facts: JobFacts;
}

/** The job goes on with the file in `underprocess/`: at once, or after a window there. */
export function sealedStep(
  job: IngestJob,
  batch: Batch,
  probe: Probe,
  sidecar: SidecarRead | undefined,
  asVerified: boolean,
  identity: string,
): SealedStep {
  const kind = probe.writer === 'unknown' ? 'copy' : 'lease';
  const now = batch.now();
  const quiet = asVerified && probe.writer === 'none';
  const sealed: Sealed = {
    identity,
    kind,
    ...(probe.because !== undefined && { because: probe.because }),
    ...(sidecar && { sidecar: true }),
    ...(!quiet && {
      window: { identity: identityOf(probe.stat), sinceMs: now.ms, boot: now.boot, by: 'write' as const },
    }),
  };
  return passedOn(job, batch, sealed, { identity: identityOf(probe.stat), size: probe.stat.size }, sidecar);
}

/** `now`: the file as it lies in `underprocess/`. */
export function passedOn(
  job: IngestJob,
  batch: Batch,
  sealed: Sealed,
  now: { identity: string; size: number },
  sidecar?: SidecarSays,
): SealedStep {
  // What was seen in the input says nothing of a sealed file.
  const { refusals: _, seen: __, ...rest } = job.facts;
  const facts: JobFacts = { ...rest, sealed, ...(sidecar?.demanded && { demanded: sidecar.demanded }) };
  return {
    facts,
    outcome: {
      ...{ kind: 'advance', payload: payloadOf(facts), freeKey: true },
      ...{ bytes: now.size, identity: now.identity },
    },
    told: () => {
      const named = { feed: batch.feed.name, job: job.id, path: job.path };
      if (sidecar?.saysOther) batch.emit('sidecar_without_checksum', named);
      batch.emit('file_ready', { ...named, bytes: now.size, seal: sealed.kind });
    },
  };
}
