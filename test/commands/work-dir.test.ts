/** A work directory that was chosen once stays what it is. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { faultsIn } from '../world/faults.js';
import { workDirOf } from '../world/layout.js';
import { refused } from '../world/lost.js';
import { createWorld } from '../world/world.js';

test('a work directory in the input, given at the first start only, is never taken for a part of the input', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, settleMs: 0 } });
  const work = join(world.input, 'work');
  mkdirSync(work);
  for (const name of ['one.csv', 'twin.csv']) world.drop(name, 'the same');
  await world.runOnce(['--work-dir', work]);
  assert.equal(readdirSync(join(work, 'duplicates')).length, 1);
  await world.runOnce();
  assert.equal(world.jobs().length, 2);
  assert.equal(readdirSync(join(work, 'duplicates')).length, 1);
  assert.equal(world.manifest().length, 1);
});

test('a file that was sealed and whose seal was never committed keeps the work directory', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, settleMs: 0 } });
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('a kill between a seal and its commit was not tested: there is no gcc');
  world.drop('first.csv', 100);
  faults.armForAll('sealed');
  await world.run('ingest', ['--once'], { env: faults.env });
  assert.equal(faults.kills(), 1);
  assert.equal(readdirSync(join(workDirOf(world.feed()), 'underprocess')).length, 1);
  assert.equal(world.jobs()[0]?.stage, 'verify-complete');
  const other = join(world.root, 'other');
  mkdirSync(other);
  refused(
    await world.run('ingest', ['--once', '--work-dir', other]),
    /--work-dir .* must stay .* sealed files lie there/,
  );
  await world.runOnce();
  world.check();
});
