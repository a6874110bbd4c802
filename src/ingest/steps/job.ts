/** A claimed job with its facts. */
import type { ClaimedJob } from '../../../queue/backend.js';
import type { ByteName } from '../../linux/names.js';
import type { JobFacts } from '../rules/facts.js';

export interface IngestJob {
  readonly id: string;
  readonly key: Buffer;
  readonly path: ByteName;
  readonly inside: ByteName;
  readonly claim: ClaimedJob;
  readonly facts: JobFacts;
}

export function ingestJob(claim: ClaimedJob): IngestJob {
  const facts = claim.payload as unknown as JobFacts;
  return {
    id: claim.id,
    key: claim.key,
    path: claim.key.toString('latin1') as ByteName,
    inside: (facts.inside ?? '') as ByteName,
    claim,
    facts,
  };
}
