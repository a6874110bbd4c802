/** A directory that is named through a symlink, and a symlink that leads elsewhere while the service runs. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createWorld, type World } from '../world/world.js';

/** As `ln -sfn` does it. */
function lead(path: string, to: string): void {
  symlinkSync(to, `${path}.new`);
  renameSync(`${path}.new`, path);
}

const check = (world: World) => world.run('queue-stat', ['--check']);

test('a symlink that leads elsewhere is a finding until it leads back', async (t) => {
  const world = createWorld(t);
  const { input, warehouse } = world.feed();
  for (const path of [input, warehouse]) {
    renameSync(path, `${path}.real`);
    symlinkSync(`${path}.real`, path);
  }
  mkdirSync(join(world.root, 'other'));
  world.start('ingest');
  await world.isStored(world.drop('a.csv', 500));
  assert.equal((await check(world)).code, 0);
  for (const [option, path] of Object.entries({ input, warehouse })) {
    const since = world.log.all.length;
    lead(path, join(world.root, 'other'));
    const moved = await world.event('link_moved', undefined, { since });
    assert.deepEqual([moved.option, moved.path, moved.used], [option, path, `${path}.real`]);
    const { code, stdout } = await check(world);
    assert.equal(code, 2, stdout);
    assert.match(stdout, /leads to .*\/other now.*restart the service/);
    lead(path, `${path}.real`);
    await world.event('link_back', undefined, { since });
    assert.equal((await check(world)).code, 0);
  }
  await world.isStored(world.drop('b.csv', 600));
  await world.stop();
});
