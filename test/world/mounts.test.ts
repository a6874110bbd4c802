import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bindMount, loopMount, remount, tmpfsMount, unmount } from './mounts.js';
import { ordinaryUser, skipUnlessReachable, skipUnlessRoot } from './users.js';
import { createWorld, World } from './world.js';

const mountsBelow = (directory: string) =>
  readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${directory}/`));
const hasProgram = (name: string) =>
  ['/usr/sbin', '/sbin', '/usr/bin', '/bin'].some((directory) => existsSync(join(directory, name)));

test('every kind of mount is a filesystem of its own, and none is left when the world ends', async (t) => {
  if (skipUnlessRoot(t, 'whether the mounts of the other tests are real and go away')) return;
  const world = new World({});
  const at = (name: string) => join(world.root, name);
  tmpfsMount(at('tmpfs'), { size: '1m' });
  loopMount(at('ext4'));
  const places = ['tmpfs', 'ext4'];
  if (hasProgram('mkfs.xfs')) {
    loopMount(at('xfs'), { type: 'xfs' });
    places.push('xfs');
  } else t.diagnostic('no mkfs.xfs: an xfs image was not tested');
  for (const place of places) assert.notEqual(statSync(at(place)).dev, statSync(world.root).dev);
  assert.throws(() => writeFileSync(at('tmpfs/large'), Buffer.alloc(2 << 20)), { code: 'ENOSPC' });
  remount(at('ext4'), 'ro');
  assert.throws(() => writeFileSync(at('ext4/file'), ''), { code: 'EROFS' });
  await world.end();
  assert.deepEqual(mountsBelow(world.root), []);
  assert.equal(existsSync(world.root), false);
});

test('a bind mount has the same device and yet refuses a link with EXDEV', (t) => {
  if (skipUnlessRoot(t, 'whether bind mounts of one filesystem give EXDEV')) return;
  const world = createWorld(t);
  const bind = bindMount(world.input, join(world.root, 'bind'));
  writeFileSync(join(world.input, 'file'), 'x');
  assert.equal(statSync(bind).dev, statSync(world.input).dev);
  assert.throws(() => linkSync(join(world.input, 'file'), join(bind, 'other')), { code: 'EXDEV' });
});

test('a busy mount is detached, and a mount outside the world is not touched', (t) => {
  if (skipUnlessRoot(t, 'whether a busy mount is left')) return;
  const world = createWorld(t);
  const place = tmpfsMount(join(world.root, 'busy'));
  const sleeper = world.launch('/bin/sleep', ['60'], { cwd: place });
  assert.equal(unmount(place), true);
  assert.equal(existsSync(`/proc/${sleeper.pid}`), true);
  assert.deepEqual(mountsBelow(world.root), []);
  assert.equal(unmount('/proc'), false);
});

test('a mount that another process left in a world is removed with it, whatever its name is', async (t) => {
  if (skipUnlessRoot(t, 'whether the mounts of a killed script are left')) return;
  const world = new World({});
  const place = join(world.root, 'with a blank');
  mkdirSync(place);
  await world.launch('/bin/mount', ['-t', 'tmpfs', 'tmpfs', place]).ended;
  assert.equal(mountsBelow(world.root).length, 1);
  await world.end();
  assert.deepEqual(mountsBelow(world.root), []);
  assert.equal(existsSync(world.root), false);
});

test('an ordinary user is somebody without capabilities', async (t: TestContext) => {
  if (skipUnlessReachable(t, ordinaryUser, 'whether commands can be run as an ordinary user')) return;
  const world = createWorld(t, { user: ordinaryUser });
  const { stdout } = await world.launch('/bin/grep', ['-E', '^(Uid|CapEff):', '/proc/self/status']).ended;
  assert.match(stdout, new RegExp(`Uid:\\s+${ordinaryUser.uid}`));
  assert.match(stdout, /CapEff:\s+0+\n/);
  assert.equal(statSync(world.input).uid, ordinaryUser.uid);
});
