/** Contents that were this host's until the shared ledger had lost that, and are another host's now. */
import { contentByRow, waitToken } from '../ledger/content.js';
import { forgetContent } from '../ledger/stored.js';
import { elsewhereOf } from '../outbox/claims.js';
import { payloadOf } from '../rules/facts.js';
import type { IngestJob } from './job.js';
import type { Batch, Step } from './stage.js';

/**
 * Steps of the jobs whose content is to be asked for again. Where a line is planned already it stays this host's too, and the others hear
 * of it: a conflict that is named.
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
  // What a chain has made of it has an owner: it goes on.
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
