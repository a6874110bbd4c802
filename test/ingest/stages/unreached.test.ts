/** Files that were sealed before a crash, in folders that their uploader has moved since. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { jobsOf } from '../../world/carriers.js';
import { Bench } from './bench.js';

test('killed between the rename and its commit, the folder then swapped for a symlink: all go on', async () => {
  const bench = await Bench.open();
  try {
    const { world } = bench;
    mkdirSync(join(world.input, 'sub'));
    for (const name of ['sub/a.csv', 'beside.csv']) await bench.arrive(world.drop(name, 100));
    await bench.step('verify-complete', 10, 1);
    assert.equal(world.underprocess().length, 2, 'it died after the renames');
    renameSync(join(world.input, 'sub'), join(world.input, 'sub.old'));
    symlinkSync('sub.old', join(world.input, 'sub'));
    await bench.backend.rescue();
    await bench.step('verify-complete', 10);
    assert.deepEqual(
      jobsOf(bench.backend).map(({ stage, state }) => `${stage} ${state}`),
      ['hash ready', 'hash ready'],
    );
  } finally {
    await bench.close();
  }
});
