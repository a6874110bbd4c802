/** A warehouse whose lookups take milliseconds (SMB, FUSE, a cold directory), and a thousand files that wait for it. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FeedFiles } from '../../../src/ingest/files/feed-files.js';
import { jobsOf } from '../../world/carriers.js';
import { Bench } from './bench.js';

const FILES = 300;
/** Over a thousand files this is more than a check is trusted for. */
const LOOKUP_MS = 8;
/** A round without a turn for others has about 120. */
const AT_ONCE_MAX = 60;

let lookups = 0;

/** Every lookup in the warehouse takes this long, as a system call does: nothing else runs meanwhile. */
function slowly({ warehouse }: FeedFiles): void {
  const entry = warehouse.entry.bind(warehouse);
  warehouse.entry = (path) => {
    lookups++;
    const end = performance.now() + LOOKUP_MS;
    while (performance.now() < end);
    return entry(path);
  };
}

/** In a folder that is missing nothing is looked up. */
function makeDays({ world }: Bench): void {
  for (const n of [0, 1]) {
    const day = new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10);
    mkdirSync(join(world.feed().warehouse, `ingest_date=${day}`));
  }
}

test('a slow warehouse does not keep a backlog from being planned, nor the process from anything else', async (t) => {
  const bench = await Bench.open();
  t.after(() => bench.close());
  for (let n = 0; n < FILES; n++) await bench.arrive(bench.world.drop(`${n}.csv`, 10));
  for (const stage of ['verify-complete', 'hash']) await bench.step(stage, FILES);
  makeDays(bench);
  bench.prepare = slowly;

  let most = 0;
  let before = lookups;
  const beat = setInterval(() => {
    most = Math.max(most, lookups - before);
    before = lookups;
  }, 10);
  t.after(() => clearInterval(beat));
  await bench.step('manifest', FILES);
  clearInterval(beat);
  assert.ok(
    jobsOf(bench.backend).every(({ stage }) => stage === 'move'),
    'all were planned in one batch',
  );
  assert.equal(bench.world.manifest().length, FILES);
  most = Math.max(most, lookups - before);
  assert.ok(lookups >= FILES, `only ${lookups} lookups`);
  assert.ok(most < AT_ONCE_MAX, `the event loop stood still for ${most} lookups`);
});
