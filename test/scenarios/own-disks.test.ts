/**
 * Disks of their own: what a filesystem keeps at its root is no content, in the input, the warehouse and the manifests,
 * whether or not this user may look into it.
 */
import assert from 'node:assert/strict';
import { chownSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loseState, rebuilt } from '../world/lost.js';
import { bindMount, loopMount } from '../world/mounts.js';
import { ordinaryUser, skipUnlessReachable, skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const PLACES = ['input', 'warehouse', 'manifests'] as const;

/** ext4 makes lost+found for root alone. Some disks have been elsewhere before. */
function onDisks(world: World): void {
  for (const place of PLACES) {
    const at = loopMount(world.feed()[place]);
    for (const folder of ['$RECYCLE.BIN', 'System Volume Information']) {
      mkdirSync(join(at, folder));
      writeFileSync(join(at, folder, 'manifest.jsonl'), 'not a manifest');
    }
    writeFileSync(join(at, 'lost+found', '#123'), `a fragment of ${place}`);
    chownSync(at, ordinaryUser.uid, ordinaryUser.gid);
    assert.equal(statSync(join(at, 'lost+found')).mode & 0o077, 0);
  }
}

async function succeeds(world: World, program: 'ingest-ctl' | 'queue-stat', ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await world.run(program, args);
  assert.equal(code, 0, `${program} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

test('an ordinary user ingests, checks, audits, learns and rebuilds on disks with lost+found', async (t) => {
  if (skipUnlessRoot(t, 'disks of their own')) return;
  if (skipUnlessReachable(t, ordinaryUser, 'disks of their own')) return;
  const world = createWorld(t, { user: ordinaryUser });
  onDisks(world);
  world.start('ingest');
  await world.isStored(world.drop('first.csv', 500));
  assert.match(await succeeds(world, 'queue-stat', '--check'), /^INGEST OK/);
  await world.stop();
  await succeeds(world, 'ingest-ctl', 'audit');
  const learned = await succeeds(world, 'ingest-ctl', 'learn', world.feed().warehouse);
  assert.match(learned, /^0 contents learned/);
  loseState(world);
  await rebuilt(world);
  world.drop('second.csv', 700);
  await world.runOnce();
  await succeeds(world, 'ingest-ctl', 'audit');
  assert.deepEqual(
    world.manifest().map(({ record }) => record!.size),
    [500, 700],
  );
});

test('root does not take fragments of a filesystem for uploads, not even on a disk below the input', async (t) => {
  if (skipUnlessRoot(t, 'disks of their own')) return;
  const world = createWorld(t);
  onDisks(world);
  const below = bindMount(loopMount(join(world.root, 'below')), join(world.input, 'disk'));
  writeFileSync(join(below, 'lost+found', '#124'), 'a fragment below');
  writeFileSync(join(below, 'aquota.user'), 'quotas');
  mkdirSync(join(world.input, 'deliveries/lost+found'), { recursive: true });
  world.start('ingest');
  const dropped = world.drop('deliveries/lost+found/a.csv', 500);
  await world.isStored(dropped);
  writeFileSync(join(below, 'aquota.group'), 'quotas of groups');
  await world.isStored(world.drop('disk/b.csv', 600));
  await until('nothing is under way', () => world.jobs().every(({ state }) => state === 'done'), {
    soFar: () => JSON.stringify(world.jobs()),
  });
  await world.stop();
  assert.deepEqual(
    world
      .manifest()
      .map(({ record }) => record!.size)
      .sort(),
    [500, 600],
  );
  for (const name of ['lost+found/#123', 'disk/aquota.user'])
    assert.match(await succeeds(world, 'ingest-ctl', 'explain', join(world.input, name)), /of_filesystem/);
  assert.match((await world.run('ingest', ['--dry-run'])).stdout, /ignore\s.*disk\/aquota\.group/);
  await succeeds(world, 'ingest-ctl', 'audit');
});

test('a file that is held on a disk below the input, where nothing was sealed yet, is discarded there', async (t) => {
  if (skipUnlessRoot(t, 'disks of their own')) return;
  const world = createWorld(t, { options: { maxBytes: 1_000 } });
  const usb = bindMount(loopMount(join(world.root, 'disk')), join(world.input, 'usb'));
  world.drop('usb/large.csv', 2_000);
  await world.runOnce([], { code: 4 });
  const [held] = world.jobs();
  assert.equal(held!.hold_code, 'too_large');
  await succeeds(world, 'ingest-ctl', 'discard', held!.id);
  await world.runOnce();
  assert.deepEqual(readdirSync(join(usb, '.ingest/failed')), [`${held!.id}~usb%2Flarge.csv`]);
});
