/** The descriptors of a batch are closed whatever fails: one leak at each try would end a process after a thousand. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { LinuxError } from '../../../src/linux/index.js';
import { Bench } from './bench.js';

test('a sealed file that cannot be asked for its filesystem is closed again', async (t) => {
  const bench = await Bench.open();
  t.after(() => bench.close());
  const FILES = 20;
  for (let n = 0; n < FILES; n++) await bench.arrive(bench.world.drop(`${n}.csv`, 10));
  await bench.step('verify-complete', FILES);
  bench.prepare = ({ kinds }) => {
    kinds.of = () => {
      throw new LinuxError('statfs', 5);
    };
  };
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  assert.equal(await bench.step('hash', FILES), FILES);
  assert.deepEqual(
    new Set(bench.outcomes.map((outcome) => typeof outcome === 'object' && outcome.kind)),
    new Set(['retry']),
  );
  assert.equal(open(), before);
});
