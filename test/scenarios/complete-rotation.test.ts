/** Complete files only: log rotation under a service that goes on writing, and an rsync that was cut. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { createWorld } from '../world/world.js';
import { droppedAs, scenarios, silence, step, WATCHING, watched } from './watching.js';

scenarios('complete files only: rotation', () => {
  for (const how of ['rename', 'copytruncate', 'old-writer']) {
    watched(`a log that is rotated by ${how} loses nothing`, { options: { stabilitySeconds: 0.4 } }, async (world) => {
      // A rotation's pauses are longer than the window: a file that is taken in between must be whole.
      const logs = await world.simulate('log-rotation', ['--how', how, '--pause-seconds', '0.9', '--lines', '50']);
      assert(logs.length >= 3);
      for (const log of logs) await world.isStored(log);
      assert.equal(world.manifest().length, logs.length);
    });
  }

  watched(
    'a rename chain over logs that wait moves each of them on, and all arrive',
    { options: { stabilitySeconds: 8 } },
    async (world) => {
      const log = (n: number) => join(world.input, n === 0 ? 'app.log' : `app.log.${n}`);
      // Faster than the window: each log is found under several names, and taken under its last one.
      for (let generation = 0; generation < 5; generation++) {
        for (let n = generation; n > 0; n--) renameSync(log(n - 1), log(n));
        const content = world.content(3_000);
        writeFileSync(log(0), content);
        world.dropped.push(droppedAs('app.log', content));
        await silence(world, 'app.log', 300);
      }
      await world.stored(5);
      assert.deepEqual(
        world
          .manifest()
          .map(({ record }) => record!.path)
          .sort(),
        [0, 1, 2, 3, 4].map(log).sort(),
      );
    },
  );
});

for (const [watching, options] of Object.entries(WATCHING)) {
  test(`an rsync --partial that was cut is left alone until another rsync makes it whole (${watching})`, async (t) => {
    if (skipUnlessInstalled(t, 'rsync', 'a cut rsync --partial')) return;
    const world = createWorld(t, { options: { trace: true, logLevel: 'trace', stabilitySeconds: 0.2, ...options } });
    await world.simulate('rsync-like', ['--how', 'cut', '--bytes', '1000000']);
    world.start('ingest');
    await step(world, 'rsync.csv', (e) => e.why === 'partial_upload');
    await world.isStored(world.drop('other.csv', 1_000));
    await silence(world, 'rsync.csv', 1_000);
    world.untouched('rsync.csv');

    await world.simulate('rsync-like', ['--how', 'inplace', '--bytes', '1000000']);
    await world.stored(2);
    await world.stop();
    world.check();
  });
}
