/** A feed gets another warehouse while a process with the old options has claimed jobs. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setUpRoots } from '../../../src/ingest/upkeep/roots.js';
import { Bench } from './bench.js';

test('no line is planned that names the warehouse of before, and none names the new one while one does', async () => {
  const bench = await Bench.open();
  try {
    const { world, backend, feed } = bench;
    const warehouse = join(world.root, 'another');
    mkdirSync(warehouse);
    const moved = { ...feed.options, warehouse };
    const lines = () =>
      backend.read((r) => r.get<{ n: number }>('SELECT count(*) AS n FROM contents WHERE target IS NOT NULL')!.n);
    await bench.arrive(world.drop('one.csv', 'one'));
    for (const stage of ['verify-complete', 'hash']) await bench.step(stage, 1);
    await setUpRoots(backend, world.statePath, moved, () => {});
    await bench.step('manifest', 1);
    assert.equal(lines(), 0);
    await setUpRoots(backend, world.statePath, feed.options, () => {});
    // The job is deferred for some milliseconds.
    while (lines() === 0) await bench.step('manifest', 1);
    await assert.rejects(
      setUpRoots(backend, world.statePath, moved, () => {}),
      { code: 'warehouse_changed' },
    );
  } finally {
    await bench.close();
  }
});
