/** Contents that were this host's until the shared ledger lost their rows, and that another host has now. */
import { contentByRow, waitToken } from '../ledger/content.js';
import { forgetContent } from '../ledger/stored.js';
import { elsewhereOf } from '../outbox/claims.js';
import { payloadOf } from '../rules/facts.js';
import type { IngestJob } from './job.js';
import type { Batch, Step } from './stage.js';

/**
 * Steps of the jobs that must ask for their content again. A content with a planned line stays this host's too; the conflict is
 * logged when it is sent.
 */
export function asksAgain(jobs: readonly IngestJob[], { backend, shared }: Batch): Map<IngestJob, Step> {
  if (!shared) return new Map();
  const rows = jobs.flatMap(({ facts }) => facts.content ?? []);
  const elsewhere = backend.read((reader) => elsewhereOf(reader, rows));
  return new Map(
    jobs.filter(({ facts }) => elsewhere.has(facts.content ?? -1)).flatMap((job) => asksOne(job, backend)),
  );
}

function asksOne(job: IngestJob, backend: Batch['backend']): [IngestJob, Step][] {
  const row = job.facts.content!;
  const { content: _, processed, ...facts } = job.facts;
  const known = backend.read((reader) => contentByRow(reader, row));
  // A content with recorded outputs goes on: its outputs belong to this job.
  if (known?.state !== 'carried' || known.target !== null || processed) return [];
  const step: Step = {
    outcome: (tx) => {
      const content = contentByRow(tx, row);
      if (content?.carrier === job.id && content.state === 'carried' && content.target === null) {
        forgetContent(tx, content);
        tx.wake([waitToken(row)]);
      }
      return { kind: 'advance', to: 'hash', payload: payloadOf(facts) };
    },
  };
  return [[job, step]];
}
