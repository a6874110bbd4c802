/** A planned line whose append is lost. Our code never loses one, and even then no job may hang. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobsOf } from '../../world/carriers.js';
import { Bench } from '../stages/bench.js';

// The first transaction plans, the second one confirms. An even number dies after it, an odd one before it.
for (const [how, diesAt] of [
  ['before a byte of it was written', 2],
  ['when it was written already', 3],
] as const) {
  test(`an append that is lost ${how} leaves one line`, async (t) => {
    const bench = await Bench.open();
    t.after(() => bench.close());
    await bench.arrive(bench.world.drop('a.csv', 100));
    for (const stage of ['verify-complete', 'hash']) await bench.step(stage, 1);
    await bench.step('manifest', 1, diesAt);
    await bench.backend.rescue();
    const lost = await bench.backend.transact((tx) => tx.run('DELETE FROM appends').changes);
    assert.equal(lost, 1);
    await bench.step('manifest', 1);
    assert.deepEqual(
      jobsOf(bench.backend).map(({ stage }) => stage),
      ['move'],
    );
    assert.equal(bench.world.manifest().length, 1);
  });
}
