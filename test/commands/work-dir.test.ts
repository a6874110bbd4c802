/** A work directory that was chosen once stays what it is. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
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
