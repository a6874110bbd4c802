/** A drain does not wait for a whole batch: jobs that have not begun are given back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eachJob } from '../../../src/ingest/stages/each-job.js';
import type { Batch, IngestJob, Verdict } from '../../../src/ingest/stages/stage.js';

test('a batch that is drained finishes its current job and gives the rest back, at once due', async () => {
  let draining = false;
  const batch = { worksOn: () => {}, draining: () => draining } as unknown as Batch;
  const jobs = [1, 2, 3, 4].map((id) => ({ id: String(id) }) as IngestJob);
  const begun: string[] = [];
  const verdicts = (await eachJob(jobs, batch, (job) => {
    begun.push(job.id);
    draining = job.id === '2';
    return { outcome: { kind: 'advance' } };
  })) as Verdict[];
  assert.deepEqual(begun, ['1', '2']);
  const kinds = verdicts.map(({ outcome }) => outcome);
  const given = { kind: 'defer', inMs: 0, why: 'draining' };
  assert.deepEqual(kinds, [{ kind: 'advance' }, { kind: 'advance' }, given, given]);
});
