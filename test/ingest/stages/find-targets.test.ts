/** A warehouse whose lookups take milliseconds (SMB, FUSE, a cold directory), and a thousand files that wait for it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeedFiles } from '../../../src/ingest/files/feed-files.js';
import { jobsOf } from '../../world/carriers.js';
import { Bench } from './bench.js';

const FILES = 300;
/** Over a thousand files this is more than a check is trusted for. */
const LOOKUP_MS = 8;

/** Every lookup in the warehouse takes this long, as a system call does: nothing else runs meanwhile. */
function slowly(files: FeedFiles): void {
  const entryOrNone = files.entryOrNone.bind(files);
  files.entryOrNone = (within, path) => {
    const end = performance.now() + (within.place?.kind === 'warehouse' ? LOOKUP_MS : 0);
    while (performance.now() < end);
    return entryOrNone(within, path);
  };
}

test('a slow warehouse does not keep a backlog from being planned, nor the process from anything else', async (t) => {
  const bench = await Bench.open();
  t.after(() => bench.close());
  for (let n = 0; n < FILES; n++) await bench.arrive(bench.world.drop(`${n}.csv`, 10));
  for (const stage of ['verify-complete', 'hash']) await bench.step(stage, FILES);
  bench.prepare = slowly;

  let longestMs = 0;
  let lastMs = performance.now();
  const beat = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - lastMs);
    lastMs = performance.now();
  }, 10);
  t.after(() => clearInterval(beat));
  await bench.step('manifest', FILES);
  clearInterval(beat);
  assert.ok(
    jobsOf(bench.backend).every(({ stage }) => stage === 'move'),
    'all were planned in one batch',
  );
  assert.equal(bench.world.manifest().length, FILES);
  assert.ok(longestMs < 1_000, `the event loop stood still for ${longestMs} ms`);
});
