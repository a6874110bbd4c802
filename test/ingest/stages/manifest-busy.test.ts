/** Jobs whose manifest file belongs to another process, or cannot be opened at the moment. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { partitionOf } from '../../../src/files/job-paths.js';
import { openState } from '../../../src/ingest/ledger/open-state.js';
import { until } from '../../world/waiting.js';
import { holdLease } from '../manifest/leasing.js';
import { type Bench, hashedBench } from './bench.js';

/** The manifest files of this hour, and of the next one, which may begin meanwhile. */
const manifests = (bench: Bench): string[] =>
  [0, 3_600_000].map((ms) => {
    const { hour } = partitionOf(Date.now() + ms, bench.feed.options.timezone);
    return join(bench.world.feed().manifests, hour, 'manifest.jsonl');
  });

/** Runs the stage as soon as its job is due. Returns the reason and the length of the deferral. */
async function putOff(bench: Bench): Promise<[why: string, ms: number]> {
  await until('the job is due', async () => (await bench.step('manifest', 1)) > 0);
  const outcome = bench.outcomes[0]!;
  assert.ok(typeof outcome === 'object' && outcome.kind === 'defer', JSON.stringify(outcome));
  return [outcome.why, outcome.inMs];
}

test('while a living owner has an append open, its file is asked for less and less often', async (t) => {
  const bench = await hashedBench(t);
  const other = await openState({ statePath: bench.world.statePath, title: 'another', maxAttempts: 8 });
  t.after(() => other.close());
  await other.transact((tx) => {
    for (const file of manifests(bench))
      tx.run(
        'INSERT INTO appends (feed, file, inode, at, bytes, items, owner) VALUES (?, ?, 1, 0, ?, ?, ?)',
        ...['default', file, Buffer.from('{}\n'), '{"rows":[],"jobs":[]}', other.owner],
      );
  });
  for (const ms of [20, 40, 80, 160, 320, 640, 1_000, 1_000])
    assert.deepEqual(await putOff(bench), ['manifest_busy', ms]);
});

test('a reader with a lease on the manifest is given time to let go, and ends nobody', async (t) => {
  const bench = await hashedBench(t);
  await bench.step('manifest', 10);
  await bench.arrive(bench.world.drop('b.csv', 100));
  for (const stage of ['verify-complete', 'hash']) await bench.step(stage, 10);
  const [now, next] = manifests(bench) as [string, string];
  mkdirSync(dirname(next), { recursive: true });
  writeFileSync(next, '');
  const leases = [await holdLease(t, now), await holdLease(t, next)];
  for (const ms of [250, 500]) assert.deepEqual(await putOff(bench), ['manifest_leased', ms]);
  for (const letGo of leases) await letGo();
  await until('the job is due', async () => (await bench.step('manifest', 1)) > 0);
  assert.deepEqual(
    bench.world.manifest().map(({ record }) => record?.path),
    ['a.csv', 'b.csv'].map((name) => join(bench.world.input, name)),
  );
});
