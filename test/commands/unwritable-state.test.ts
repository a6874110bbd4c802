/** A state that cannot be written can be read, and a file that is no state is left as it is. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { bindMount, remount } from '../world/mounts.js';
import { skipUnlessRoot } from '../world/users.js';
import { createWorld } from '../world/world.js';

test('on a filesystem that is read-only, everything that reads reads', async (t) => {
  if (skipUnlessRoot(t, 'a state on a filesystem that is read-only')) return;
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  world.start('ingest');
  await world.isStored(world.drop('b.csv', 600));
  const place = join(world.root, 'read-only');
  mkdirSync(place);
  bindMount(dirname(world.statePath), place);
  remount(place, 'ro');
  const statePath = world.statePath.replace(dirname(world.statePath), place);
  const asked = [['queue-stat'], ['ingest-ctl', 'held'], ['ingest-ctl', 'explain', join(world.input, 'b.csv')]];
  for (const [command, ...args] of asked) {
    const { code, stderr } = await world.launch(command!, [...args, '--state-path', statePath]).ended;
    assert.deepEqual([code, stderr], [0, ''], command);
  }
  const { code, stderr } = await world.launch('ingest-ctl', [
    'pause',
    'move',
    '--reason',
    'x',
    '--state-path',
    statePath,
  ]).ended;
  assert.equal(code, 3, stderr);
  assert.match(stderr, /cannot be used \(EROFS.*\): check its permissions and its mount/);
});

test('a state that became empty is called damaged, and no command makes one of it', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  world.drop('a.csv', 500);
  await world.runOnce();
  for (const more of ['-wal', '-shm']) rmSync(`${world.statePath}${more}`, { force: true });
  writeFileSync(world.statePath, '');
  for (const [command, ...args] of [['queue-stat'], ['ingest-ctl', 'held'], ['ingest-ctl', 'resume', 'move']]) {
    const { code, stderr } = await world.run(command!, args);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /is damaged or no database \(it is empty\): stop everything/);
  }
  assert.equal(statSync(world.statePath).size, 0);
});
