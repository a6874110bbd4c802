/**
 * Failing places other than the warehouse: logged once, no attempt is counted, work goes on by itself after the repair, and
 * nothing is lost.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import type { Report } from '../../src/service/status/report.js';
import { bindMount, loopMount, remount, servedMount, tmpfsMount, unmount } from '../world/mounts.js';
import { isInRunbook } from '../world/runbook.js';
import { skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { comesThrough, fill, KiB, noAttemptSpent, tried } from './trouble.js';

/** The tests wait most of their time for the next probe. */
const CONCURRENTLY = { concurrency: 3 };

describe('a disk that is full', CONCURRENTLY, () => {
  test('manifests on a full disk', async (t) => {
    if (skipUnlessRoot(t, 'manifests on a full disk')) return;
    const world = createWorld(t);
    const { manifests } = world.feed();
    tmpfsMount(manifests, { size: '1m' });
    const ballast = join(manifests, 'ballast');
    const tail = await world.manifestTail();
    await comesThrough(world, {
      // Only lines need room there, whatever the size of their files.
      place: 'manifests',
      code: 'ENOSPC',
      files: 20,
      bytes: 1_500 * KiB,
      breaks: () => fill(ballast, 2 * 1024),
      repairs: () => rmSync(ballast),
    });
    assert.deepEqual((await tail.stop()).broken, []);
  });

  test('a work directory without room for a private copy: an unfinished copy is removed', async (t) => {
    if (skipUnlessRoot(t, 'a work directory on a full disk')) return;
    const world = createWorld(t);
    tmpfsMount(world.input, { size: '8m' });
    const ballast = join(world.input, '.ballast');
    world.drop('linked.csv', 3_000 * KiB);
    linkSync(join(world.input, 'linked.csv'), join(world.input, '.kept'));
    fill(ballast, 3_000);
    world.start('ingest');
    const closed = await world.event('gate_closed');
    assert.deepEqual([closed.place, closed.code], ['work', 'ENOSPC']);
    await tried(world, 'work');
    const inWork = readdirSync(join(world.input, '.ingest', 'underprocess'));
    assert.deepEqual(
      inWork.filter((name) => name.includes('.tmp~')),
      [],
    );
    rmSync(ballast);
    await world.stored();
    await world.allDone();
    noAttemptSpent(world);
    await world.stop();
    rmSync(join(world.input, '.kept'));
    world.check();
  });

  test('a state directory that is full', async (t) => {
    if (skipUnlessRoot(t, 'a state directory that is full')) return;
    const world = createWorld(t);
    const state = join(world.root, 'state');
    tmpfsMount(state, { size: '16m' });
    const ballast = join(state, 'ballast');
    world.start('ingest', ['--workers', 'all=2']);
    world.drop('before.csv', 2_000);
    await world.stored(1);
    for (let i = 0; i < 100; i++) world.drop(`in flight ${i}.csv`, 500);
    await world.event('file_ready', ({ path }) => String(path).includes('in flight'));
    fill(ballast, 32 * 1024);
    for (let i = 0; i < 300; i++) world.drop(`during ${i} ${'x'.repeat(200)}.csv`, 500);
    const told = await world.event('delivery_failing');
    assert.match(String(told.error), /space|full/);
    rmSync(ballast);
    await world.stored();
    assert.equal(world.log.named('delivery_failing').length, 1, 'logged once');
    assert(world.log.named('state_unwritable').length <= 2, 'logged once by each worker');
    noAttemptSpent(world);
    await world.stop();
    world.check();
  });
});

test('a work directory that becomes read-only before files are put away costs no file an attempt', async (t) => {
  if (skipUnlessRoot(t, 'a read-only work directory')) return;
  const world = createWorld(t);
  loopMount(world.input);
  await world.runOnce();
  assert.equal((await world.run('ingest-ctl', ['pause', 'manifest'])).code, 0);
  world.start('ingest');
  const content = world.content(500);
  for (const name of ['first.csv', 'twin.csv']) world.drop(name, content);
  await until('one waits for the other', () => world.jobs().some(({ state }) => state === 'waiting'));
  // As ext4 does it by itself after an error of the disk, also while files are open.
  execFileSync('mount', ['-o', 'remount,errors=remount-ro', world.input]);
  const device = execFileSync('findmnt', ['-no', 'SOURCE', world.input], { encoding: 'utf8' }).trim();
  writeFileSync(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, '1');
  assert.equal((await world.run('ingest-ctl', ['resume', 'manifest'])).code, 0);
  // Its content is stored; what lies in the work directory cannot be removed, nor the twin be moved.
  const closed = await world.event('gate_closed');
  assert.deepEqual([closed.place, closed.code], ['work', 'EROFS']);
  await tried(world, 'work');
  noAttemptSpent(world);
  assert.equal(world.warehouse().length, 1);
});

test('a folder of manifests that is read-only at a start is a failing place, and no reason to end', async (t) => {
  if (skipUnlessRoot(t, 'manifests on a read-only filesystem')) return;
  const world = createWorld(t);
  const manifests = tmpfsMount(world.feed().manifests);
  world.drop('before.csv', 100);
  await world.runOnce();
  remount(manifests, 'ro');
  world.start('ingest');
  world.drop('after.csv', 200);
  const closed = await world.event('gate_closed');
  assert.deepEqual([closed.place, closed.code], ['manifests', 'EROFS']);
  remount(manifests, 'rw');
  await until('it is stored', () => world.warehouse().length === 2);
  await world.stop();
  world.check();
});

test('a mount below the input that disappears with a sealed file in it delays no other file', async (t) => {
  if (skipUnlessRoot(t, 'mounts below an input')) return;
  const world = createWorld(t);
  const source = join(world.root, 'source');
  const mount = join(world.input, 'mount');
  mkdirSync(source);
  bindMount(source, mount);
  assert.equal((await world.run('ingest', ['--once'])).code, 0);
  assert.equal((await world.run('ingest-ctl', ['pause', 'hash'])).code, 0);
  world.start('ingest');
  world.drop('mount/inside.csv', 2_000);
  await world.event('file_ready', ({ path }) => String(path).endsWith('inside.csv'));
  await until('no process keeps the mount busy', () => {
    try {
      return unmount(mount, { busy: 'fails' });
    } catch {
      return false;
    }
  });
  world.drop('beside it.csv', 2_000);
  assert.equal((await world.run('ingest-ctl', ['resume', 'hash'])).code, 0);
  const told = await world.event('mount_missing');
  assert.match(String(told.reason), /mount\/\.ingest is missing.*mount the file system/);
  await world.event('file_ingested', ({ path }) => String(path).endsWith('beside it.csv'));
  const { findings } = JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
  const { sentence } = findings.find(({ code }) => code === 'mount_missing')!;
  assert.ok(isInRunbook(sentence), sentence);
  assert.deepEqual(readdirSync(mount), [], 'something was written below the mount point');
  bindMount(source, mount);
  await world.stored();
  assert.equal(world.log.named('mount_missing').length, 1, 'logged once');
  noAttemptSpent(world);
  await world.allDone();
  await world.stop();
  world.check();
});

test('a disk below the input that becomes read-only delays no other file, and its own go on by themselves', async (t) => {
  if (skipUnlessRoot(t, 'mounts below an input')) return;
  const world = createWorld(t);
  const [source, disk] = [join(world.root, 'source'), join(world.input, 'usb')];
  mkdirSync(source);
  bindMount(source, disk);
  world.drop('usb/before.csv', 1_000);
  await world.runOnce();
  world.drop('usb/inside.csv', 2_000);
  remount(disk, 'ro');
  world.start('ingest');
  const told = await world.event('mount_missing');
  assert.match(String(told.reason), /the input .*\/usb is on a read-only filesystem/);
  await world.isStored(world.drop('beside.csv', 3_000));
  assert.deepEqual(world.gates(), []);
  remount(disk, 'rw');
  await world.stored();
  noAttemptSpent(world);
  await world.allDone();
  await world.stop();
  world.check();
});

test('a mount below the input whose server dies spends no attempt of its files, sealed or not', async (t) => {
  if (skipUnlessRoot(t, 'mounts below an input')) return;
  const world = createWorld(t);
  const source = join(world.root, 'source');
  mkdirSync(source);
  const at = join(world.input, 'far');
  const server = await servedMount(source, at);
  if (!server) return t.skip('no bindfs or no FUSE: a dead mount below an input was not tested');
  await world.runOnce();
  assert.equal((await world.run('ingest-ctl', ['pause', 'hash'])).code, 0);
  world.drop('far/sealed.csv', 1_000);
  const late = world.start('ingest');
  await world.event('file_ready', ({ path }) => String(path) === join(at, 'sealed.csv'));
  await late.stop();
  assert.equal((await world.run('ingest-ctl', ['pause', 'verify-complete'])).code, 0);
  const found = world.start('ingest');
  world.drop('far/found.csv', 2_000);
  await until('it is found', () => world.jobs().some(({ key }) => key === 'far/found.csv'));
  await found.stop();
  server.kill('SIGKILL');
  assert.equal((await world.run('ingest-ctl', ['resume'])).code, 0);
  world.start('ingest');
  for (const name of ['sealed.csv', 'found.csv']) {
    const told = await world.event('mount_missing', ({ path }) => String(path) === join(at, name));
    assert.match(String(told.reason), /\/far.* is a mount whose server is gone: mount it again/);
  }
  await world.isStored(world.drop('beside.csv', 3_000));
  assert.deepEqual(world.gates(), []);
  noAttemptSpent(world);
  unmount(at);
  assert.ok(await servedMount(source, at));
  await world.stored();
  noAttemptSpent(world);
  await world.allDone();
  await world.stop();
});

test('a filesystem below the input in which nothing can be made spends no attempt of its files', async (t) => {
  if (skipUnlessRoot(t, 'mounts below an input')) return;
  const world = createWorld(t);
  const places = ['read-only', 'full'].map((name) => join(world.input, name));
  const [readOnly, full] = places.map((place, i) => tmpfsMount(place, { options: i === 1 ? ['nr_inodes=2'] : [] }));
  world.drop('read-only/a.csv', 1_000);
  const last = world.drop('full/b.csv', 2_000);
  remount(readOnly!, 'ro');
  world.start('ingest');
  for (const [place, why] of [
    [readOnly, /read-only filesystem/],
    [full, /has no space \(or no inodes\) left/],
  ] as const) {
    const told = await world.event('mount_missing', ({ reason }) => String(reason).includes(place!));
    assert.match(String(told.reason), why);
  }
  await world.isStored(world.drop('beside.csv', 3_000));
  noAttemptSpent(world);
  remount(readOnly!, 'rw');
  execFileSync('mount', ['-o', 'remount,nr_inodes=100', full!]);
  await world.isStored(last);
  await world.stored();
  await world.allDone();
  await world.stop();
  world.check();
});

describe('an input that goes and comes back', CONCURRENTLY, () => {
  test('an input that is unmounted under a running producer, with the mount it lies in', async (t) => {
    if (skipUnlessRoot(t, 'an input that is unmounted')) return;
    const home = createWorld(t);
    const source = join(home.root, 'source');
    const mount = join(home.root, 'mount');
    mkdirSync(join(source, 'input'), { recursive: true });
    bindMount(source, mount);
    const world = createWorld(t, { places: { input: join(mount, 'input') } });
    await inputComesBack(world, {
      goes: () => void unmount(mount),
      isGone: () => assert.deepEqual(readdirSync(mount), [], 'something was written below the mount point'),
      returns: () => bindMount(source, mount),
    });
  });

  test('an input that is a mount of its own and is unmounted under a running producer', async (t) => {
    if (skipUnlessRoot(t, 'an input that is unmounted')) return;
    const world = createWorld(t);
    const source = join(world.root, 'source');
    mkdirSync(source);
    bindMount(source, world.input);
    await inputComesBack(world, {
      goes: () => void unmount(world.input),
      isGone: () => assert.deepEqual(readdirSync(world.input), [], 'something was written below the mount point'),
      returns: () => bindMount(source, world.input),
    });
  });

  test('an input that is renamed away under a running producer', async (t) => {
    const world = createWorld(t);
    const away = `${world.input} that was`;
    await inputComesBack(world, {
      goes: () => renameSync(world.input, away),
      isGone: () => assert.equal(existsSync(world.input), false),
      returns: () => renameSync(away, world.input),
    });
  });
});

async function inputComesBack(
  world: World,
  { goes, isGone, returns }: { goes: () => void; isGone: () => void; returns: () => void },
): Promise<void> {
  world.start('ingest');
  world.drop('before.csv', 2_000);
  await world.stored(1);
  // Its window must not end before its directory has gone: a gate closes only for a job that needs the place.
  assert.equal((await world.run('ingest-ctl', ['pause', 'verify-complete'])).code, 0);
  world.drop('during.csv', 2_000);
  await until('its job', () => world.jobs().length === 2);
  goes();
  await world.event('root_missing');
  assert.equal((await world.run('ingest-ctl', ['resume', 'verify-complete'])).code, 0);
  await world.event('gate_closed');
  isGone();
  returns();
  await world.event('root_back');
  world.drop('after.csv', 2_000);
  await world.stored();
  await world.event('gate_opened');
  await world.allDone(); // its source may be a copy, which is put away after it is stored
  assert.equal(world.log.named('root_missing').length, 1, 'logged once');
  assert.equal(world.log.named('gate_closed').length, 1, 'logged once');
  noAttemptSpent(world);
  await world.stop();
  world.check();
}
