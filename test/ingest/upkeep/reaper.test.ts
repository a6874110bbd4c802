/** Files in `underprocess/` without a job, after a crash or a lost row: the reaper of a running worker finds them. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { workDirOf } from '../../world/layout.js';
import { until } from '../../world/waiting.js';
import { createWorld } from '../../world/world.js';

test('a sealed file without a job gets the job id that is in its name and is stored; a half copy is removed', async (t) => {
  const world = createWorld(t);
  world.drop('first.csv', 100);
  await world.runOnce();
  const under = join(workDirOf(world.feed()), 'underprocess');
  const id = (n: number) => `01J9ZQ4T7M000000000000000${n}`;
  const orphan = world.drop('sub/orphan.csv', 1_000);
  renameSync(join(world.input, 'sub/orphan.csv'), join(under, `${id(1)}~sub%2Forphan.csv`));
  const twin = world.drop('twin.csv', 100);
  renameSync(join(world.input, 'twin.csv'), join(under, `${id(2)}~twin.csv`));
  const halves = [`${id(3)}.tmp~half.csv`, `${id(4)}.copy~half.csv`].map((name) => join(under, name));
  // A name that is too long together with its job's id: the path lies unencoded in a folder.
  for (const [n, part] of [
    [5, 'tmp'],
    [6, 'copy'],
  ] as const) {
    const folder = join(under, `${id(n)}.${part}~`, 'sub');
    mkdirSync(folder, { recursive: true });
    halves.push(join(folder, 'x'.repeat(240)));
  }
  for (const path of halves) writeFileSync(path, 'half a copy');

  const since = world.log.all.length;
  const program = world.start('ingest');
  for (const [job, path] of [
    [id(1), 'sub/orphan.csv'],
    [id(2), 'twin.csv'],
  ] as const) {
    const adopted = await world.event('orphan_adopted', (event) => event.job === job, { since });
    assert.equal(adopted.path, path);
  }
  await world.isStored(orphan);
  await world.isStored(twin);
  await until('the half copies are gone', () => !halves.some((path) => existsSync(path)));
  await world.allDone();
  assert.equal((await program.stop()).code, 0);
  assert.deepEqual(readdirSync(under), [], 'nor their folders');
  assert.deepEqual(new Set(world.jobs().map((job) => job.id)).has(id(1)), true);
  world.check();
});
