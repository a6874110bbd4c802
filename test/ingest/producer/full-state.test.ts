/** The state's disk is full: it is logged once, nothing is lost, and work goes on by itself. Needs root for a small filesystem. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { scenario } from './world.js';

const NAME = 'a full state directory costs no file';

if (process.getuid?.() !== 0) {
  test(NAME, { skip: 'mounting needs root: the full state directory was not tested' }, () => {});
} else {
  scenario(NAME, async (world) => {
    const at = join(world.base, 'state');
    mkdirSync(at);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'none', at]);
    try {
      world.statePath = join(at, 'state.db');
      await world.start();
      const { bavail, bsize } = statfsSync(at);
      writeFileSync(join(at, 'ballast'), Buffer.alloc(Number(bavail) * Number(bsize)));
      for (let i = 0; i < 1_500; i++) writeFileSync(join(world.input, `${i}.csv`), 'x');
      await world.untilTold('delivery_failing');
      rmSync(join(at, 'ballast'));
      await world.untilTold('delivery_back');
      await world.producer.scan();
      assert.equal(world.backend.read((rows) => rows.get<{ n: number }>('SELECT count(*) AS n FROM jobs'))?.n, 1_500);
      assert.equal(world.events.filter(({ event }) => event === 'delivery_failing').length, 1);
    } finally {
      await world.stop();
      execFileSync('umount', [at]);
    }
  });
}
