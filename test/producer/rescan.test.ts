/** A rescan of known files costs reads alone. */
import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scenario } from './world.js';

scenario('a rescan of known files writes nothing to the state', async (world) => {
  mkdirSync(join(world.input, 'sub'));
  for (let i = 0; i < 2_000; i++) writeFileSync(join(world.input, i % 2 ? `sub/${i}` : `${i}`), 'x');
  await world.start();
  assert.equal(world.producer.taken, 2_000);
  const stamp = () =>
    ['', '-wal'].map((suffix) => {
      const { mtimeNs, size } = statSync(world.statePath + suffix, { bigint: true });
      return `${mtimeNs} ${size}`;
    });
  const before = stamp();
  await world.producer.scan();
  assert.deepEqual(stamp(), before);
  assert.equal(world.producer.taken, 2_000);
});
