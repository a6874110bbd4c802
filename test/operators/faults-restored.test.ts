/**
 * A backup of the state comes back, and files have moved since. A start takes it where it knows all lines and corrections;
 * `rebuild`, which belongs to a restore, brings it up to what lies on disk.
 */
import assert from 'node:assert/strict';
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { backedUp, loseState, rebuilt, restore, stoppedBefore } from '../world/lost.js';
import { createWorld, type World } from '../world/world.js';
import {
  AT_ONCE,
  actedOverBackup,
  afterAMinute,
  agrees,
  allowed,
  ctl,
  ctlDone,
  dropped,
  pathOf,
  WHY,
  withClock,
  withdrawn,
  withTime,
  worldWith,
} from './directed.js';

/** One file before `move`, which is paused. Answers a backup of that; then the file is stored. */
async function storedSince(world: World): Promise<{ backup: string; content: Buffer }> {
  const content = world.content(700);
  await stoppedBefore(world, 'move', () => world.drop('orders.csv', content), 1);
  const backup = backedUp(world);
  await ctlDone(world, 'resume');
  await world.runOnce();
  return { backup, content };
}

test('a backup of before a move comes back: after rebuild its file is stored, though the stage is paused', async (t) => {
  const world = createWorld(t, AT_ONCE);
  const { backup, content } = await storedSince(world);
  restore(world, backup);
  await rebuilt(world);
  assert.match((await ctl(world, 'explain', pathOf(world, 0))).stdout, /It was stored as/);
  await ctlDone(world, 'resume');
  world.drop('again.csv', content);
  await world.runOnce();
  assert.equal(world.duplicates().length, 1);
  await agrees(world);
});

test('a backup of before a move comes back, and a consumer took the file: nothing waits for it', async (t) => {
  const world = createWorld(t, AT_ONCE);
  const { backup, content } = await storedSince(world);
  renameSync(pathOf(world, 0), join(world.root, 'taken by a consumer'));
  restore(world, backup);
  await rebuilt(world);
  await ctlDone(world, 'resume');
  world.drop('again.csv', content);
  await world.runOnce();
  assert.deepEqual([world.manifest().length, world.duplicates().length], [1, 1]);
  assert.deepEqual(
    world.ledger().map(({ state }) => state),
    ['unconfirmed'],
  );
});

test(
  'a backup of before a file was taken out comes back: the next generation can be withdrawn too',
  withTime,
  async (t) => {
    const { world, content, sha256 } = await worldWith(t);
    await ctlDone(world, 'withdraw', sha256, ...WHY);
    const backup = backedUp(world);
    await world.runOnce();
    world.withdrawn.add(sha256);
    await afterAMinute(world);
    await allowed(world, sha256);
    await dropped(world, 'orders.csv', content);
    assert.notEqual(pathOf(world, 0), pathOf(world, 1), 'a name is given once');
    restore(world, backup);
    await rebuilt(world);
    await withdrawn(world, sha256);
    assert(!existsSync(pathOf(world, 1)), 'it is taken out');
    await agrees(world);
  },
);

test('a backup of before a discard comes back: what was given up is not held again', async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE.options, mode: 'sidecar' } });
  world.sidecar('orders.csv', 'a'.repeat(64));
  world.discarded.add(world.drop('orders.csv', 700).sha256);
  await world.runOnce([], { code: 4 });
  assert.deepEqual(
    world.jobs().map(({ hold_code }) => hold_code),
    ['checksum_mismatch'],
  );
  const backup = backedUp(world);
  await ctlDone(world, 'discard', '--all');
  await world.runOnce();
  restore(world, backup);
  await rebuilt(world);
  await world.runOnce();
  assert.deepEqual(
    world.jobs().map(({ ending }) => ending),
    ['discarded'],
  );
  assert.equal(world.failed().length, 2);
  await agrees(world);
});

test('a backup of before a seal comes back: its job, which waited for a sidecar, goes on with the file', async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE.options, mode: 'sidecar' } });
  world.drop('orders.csv', 700);
  await world.runOnce();
  const backup = backedUp(world);
  await stoppedBefore(world, 'hash', () => world.sidecar('orders.csv'), 1);
  restore(world, backup);
  await rebuilt(world);
  await world.runOnce();
  assert.equal(world.warehouse().length, 1);
  await agrees(world);
});

test('a backup comes back in which a file waits for its sidecar, and it was stored since: nothing waits', async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE.options, mode: 'sidecar' } });
  const { sha256 } = world.drop('orders.csv', 700);
  await world.runOnce();
  const backup = backedUp(world);
  world.sidecar('orders.csv', sha256);
  await world.runOnce();
  restore(world, backup);
  await rebuilt(world);
  await world.runOnce();
  assert.deepEqual(
    world.jobs().map(({ state }) => state),
    ['done'],
  );
  await agrees(world);
});

/** A rebuild gives a pruned record its row again, so it can be withdrawn then. */
for (const isTaken of [true, false]) {
  test(
    `a backup in which a content is pruned comes back, and it was withdrawn since: refused until rebuild, which ${isTaken ? 'knows' : 'ends'} that`,
    withTime,
    async (t) => {
      const { world, content, sha256 } = await worldWith(t);
      await withClock(world, 300_000, async (env) => {
        await world.runOnce([], { env });
        const { stdout } = await world.run('ingest-ctl', ['prune', '--keep-history', '1m'], { env });
        assert.match(stdout, /the records of 1 contents forgotten/);
      });
      await actedOverBackup(world, async () => {
        loseState(world);
        await rebuilt(world);
        if (isTaken) return withdrawn(world, sha256);
        await ctlDone(world, 'withdraw', sha256, ...WHY);
        world.withdrawn.add(sha256);
      });
      assert.deepEqual([world.warehouse().length, world.failed().length], [0, 1]);
      await dropped(world, 'again.csv', content);
      assert.equal(world.duplicates().length, 1);
      await agrees(world);
    },
  );
}
