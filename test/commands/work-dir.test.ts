/** A work directory that was chosen once stays what it is. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { faultsIn } from '../world/faults.js';
import { workDirOf } from '../world/layout.js';
import { refused } from '../world/lost.js';
import { bindMount, remount, tmpfsMount, unmount } from '../world/mounts.js';
import { skipUnlessRoot } from '../world/users.js';
import { createWorld } from '../world/world.js';

test('a work directory in the input, given at the first start only, is never taken for a part of the input', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
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

test('a work directory on a read-only filesystem at the first start: one sentence and exit code 3', async (t) => {
  if (skipUnlessRoot(t, 'a work directory on a read-only filesystem')) return;
  const world = createWorld(t);
  const input = tmpfsMount(world.input);
  remount(input, 'ro');
  const { code, stderr } = await world.run('ingest', []);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /cannot be used \(EROFS\), it is on a read-only filesystem, or the unit .+ ReadWritePaths=/);
});

test('a file that was sealed and whose seal was never committed keeps the work directory', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
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

for (const how of ['another filesystem', 'a bind mount of the same one']) {
  test(`a work directory on ${how} than the input is refused, and no file is touched`, async (t) => {
    if (skipUnlessRoot(t, `that a work directory on ${how} is refused was not tested.`)) return;
    const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
    const work = join(world.root, 'work');
    mkdirSync(work);
    if (how === 'another filesystem') tmpfsMount(work);
    else bindMount(work, work);
    world.drop('one.csv', 100);
    refused(
      await world.run('ingest', ['--once', '--work-dir', work]),
      /--work-dir of feed default must be on the mount of --input .* is on another filesystem or mount/,
    );
    assert.deepEqual(readdirSync(world.feed().manifests), [], 'nothing was made');
    world.untouched('one.csv');
    unmount(work);
    await world.runOnce(['--work-dir', work]);
    // Also where it was set up before and something was mounted there since.
    if (how === 'another filesystem') tmpfsMount(work);
    else bindMount(work, work);
    refused(await world.run('ingest', ['--once', '--work-dir', work]), /another filesystem or mount/);
  });
}
