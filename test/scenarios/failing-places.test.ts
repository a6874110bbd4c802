/**
 * Failing places: a place that cannot be used keeps its stages waiting. It is told once, costs no attempt, and the work
 * goes on by itself when it is repaired; nothing is lost and nothing is written elsewhere instead.
 */
import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { bindMount, remount, tmpfsMount, unmount } from '../world/mounts.js';
import { skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const KiB = 1024;
const LONG = { withinMs: 45_000 };

interface Trouble {
  place: string;
  code: string;
  /** Breaks the place; jobs that need it are dropped afterwards. */
  breaks: () => void;
  repairs: () => void;
  files?: number;
  bytes?: number;
}

/** One file goes through, the place breaks, more are dropped, it is repaired, all go through. */
async function comesThrough(
  world: World,
  { place, code, breaks, repairs, files = 5, bytes = 2_000 }: Trouble,
): Promise<void> {
  world.start('ingest', ['--concurrency', '2']);
  world.drop('before.csv', bytes);
  await world.stored(1, LONG);
  breaks();
  for (let i = 0; i < files; i++) world.drop(`during ${i}.csv`, bytes);
  const closed = await world.event('gate_closed', undefined, LONG);
  assert.deepEqual([closed.place, closed.code], [place, code]);
  await tried(world, place);
  repairs();
  await world.stored(undefined, LONG);
  await world.event('gate_opened', (e) => e.place === place, LONG);
  assert.equal(world.log.named('gate_closed').length, 1, 'told once');
  assert.equal(world.log.named('gate_opened').length, 1);
  noAttemptSpent(world);
  await world.stop();
  world.check();
}

/** Resolves after the place has been probed in vain. */
async function tried(world: World, place: string): Promise<void> {
  const dueMs = () => world.gates().find((gate) => gate.place === place)?.probe_due_ms;
  const first = await until(`a gate of the ${place}`, dueMs, LONG);
  await until(`a probe of the ${place}`, () => (dueMs() ?? first) !== first, LONG);
}

function noAttemptSpent(world: World): void {
  const inVain = world.database()!.counters.filter(({ name }) => name === 'retry' || name === 'hold');
  assert.deepEqual(inVain, [], 'no job was tried in vain, and none is held');
  assert.deepEqual(
    world.jobs().filter(({ attempts, crashes }) => attempts + crashes > 0),
    [],
  );
}

async function comesThroughUnseen(world: World, places: readonly string[]): Promise<void> {
  world.start('ingest');
  world.drop('before.csv', 2_000);
  await world.stored(1, LONG);
  for (const place of places) remount(place, 'ro');
  world.drop('during.csv', 2_000);
  await world.event('gate_closed', undefined, LONG);
  const blocked = () => world.jobs().find(({ state }) => state !== 'done')?.claim_no ?? 0;
  const from = await until('the blocked job', () => blocked() || undefined);
  await until('three tries behind gates that were opened too early', () => blocked() >= from + 3, LONG);
  for (const place of places) remount(place, 'rw');
  await world.stored(undefined, LONG);
  await world.event('gate_opened', undefined, LONG);
  assert.equal(world.log.named('gate_closed').length, 1, 'told once, however often it was tried');
  assert.equal(world.log.named('gate_opened').length, 1);
  noAttemptSpent(world);
  await world.stop();
  world.check();
}

/** Writes until the disk is full, or so much. */
function fill(path: string, kib: number): void {
  writeFileSync(path, '');
  try {
    for (let i = 0; i < kib; i += 4) writeFileSync(path, Buffer.alloc(4 * KiB), { flag: 'a' });
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'ENOSPC');
  }
}

async function inputComesBack(
  world: World,
  { goes, isGone, returns }: { goes: () => void; isGone: () => void; returns: () => void },
): Promise<void> {
  world.start('ingest');
  world.drop('before.csv', 2_000);
  await world.stored(1, LONG);
  // Waiting for the end of its window when its directory goes.
  world.drop('during.csv', 2_000);
  await until('its job', () => world.jobs().length === 2, LONG);
  goes();
  await world.event('root_missing', undefined, LONG);
  await world.event('gate_closed', undefined, LONG);
  isGone();
  returns();
  await world.event('root_back', undefined, LONG);
  world.drop('after.csv', 2_000);
  await world.stored(undefined, LONG);
  await world.event('gate_opened', undefined, LONG);
  assert.equal(world.log.named('root_missing').length, 1, 'told once');
  assert.equal(world.log.named('gate_closed').length, 1, 'told once');
  noAttemptSpent(world);
  await world.stop();
  world.check();
}

// Most of the time of these goes by between two probes.
describe('failing places', { concurrency: 3 }, () => {
  test('a warehouse that is mounted read-only', async (t) => {
    if (skipUnlessRoot(t, 'a warehouse that is mounted read-only')) return;
    const world = createWorld(t);
    const { warehouse } = world.feed();
    tmpfsMount(warehouse);
    const trouble = { place: 'warehouse', code: 'EROFS' };
    await comesThrough(world, {
      ...trouble,
      breaks: () => remount(warehouse, 'ro'),
      repairs: () => remount(warehouse, 'rw'),
    });
  });

  test('a warehouse that is missing', async (t) => {
    const world = createWorld(t);
    const { warehouse } = world.feed();
    const away = `${warehouse} that was`;
    const trouble = { place: 'warehouse', code: 'ENOENT' };
    await comesThrough(world, {
      ...trouble,
      breaks: () => renameSync(warehouse, away),
      repairs: () => renameSync(away, warehouse),
    });
  });

  test('a warehouse that is full', async (t) => {
    if (skipUnlessRoot(t, 'a warehouse that is full')) return;
    const world = createWorld(t);
    const ballast = join(world.feed().warehouse, 'ballast');
    tmpfsMount(world.feed().warehouse, { size: '8m' });
    await comesThrough(world, {
      ...{ place: 'warehouse', code: 'ENOSPC', files: 3, bytes: 900 * KiB },
      breaks: () => fill(ballast, 6 * 1024),
      repairs: () => rmSync(ballast),
    });
  });

  test('a warehouse without an inode left', async (t) => {
    if (skipUnlessRoot(t, 'a warehouse without an inode left')) return;
    const world = createWorld(t);
    const { warehouse } = world.feed();
    tmpfsMount(warehouse, { options: ['nr_inodes=64'] });
    const ballast = join(warehouse, 'ballast');
    await comesThrough(world, {
      ...{ place: 'warehouse', code: 'ENOSPC' },
      breaks: () => {
        mkdirSync(ballast);
        assert.throws(() => {
          for (let i = 0; i < 64; i++) writeFileSync(join(ballast, String(i)), '');
        }, /ENOSPC/);
      },
      repairs: () => rmSync(ballast, { recursive: true }),
    });
  });

  test('a warehouse that is unmounted: nothing is written below its mount point', async (t) => {
    if (skipUnlessRoot(t, 'a warehouse that is unmounted')) return;
    const world = createWorld(t);
    const { warehouse } = world.feed();
    const source = join(world.root, 'source');
    mkdirSync(source);
    bindMount(source, warehouse);
    await comesThrough(world, {
      ...{ place: 'warehouse', code: 'no_marker' },
      // Without -l: nobody keeps it busy beyond a batch.
      breaks: () => assert(unmount(warehouse, { busy: 'fails' })),
      repairs: () => {
        assert.deepEqual(readdirSync(warehouse), [], 'something was written below the mount point');
        bindMount(source, warehouse);
      },
    });
  });

  test('a partition that is full on a mount of its own, which a probe of the warehouse does not see', async (t) => {
    if (skipUnlessRoot(t, 'partitions on mounts of their own')) return;
    const world = createWorld(t);
    const days = [0, 1].map((n) => new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10));
    const places = days.map((day) => join(world.feed().warehouse, `ingest_date=${day}`));
    for (const place of places) tmpfsMount(place);
    await comesThroughUnseen(world, places);
  });

  test('a warehouse whose disk answers with an I/O error', async (t) => {
    if (skipUnlessInstalled(t, 'strace', 'I/O errors of the warehouse')) return;
    const world = createWorld(t);
    world.drop('failing.csv', 2_000);
    const days = [0, 1].map((n) => new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10));
    const places = days.flatMap((day) => ['-P', join(world.feed().warehouse, `ingest_date=${day}`)]);
    const inject = ['-e', 'trace=fsync', '-e', 'inject=fsync:error=EIO:when=1'];
    await world.runOnce([], { wrap: ['strace', '-f', '-qq', ...inject, ...places, '-o', join(world.root, 'trace')] });
    const [closed, ...more] = world.log.named('gate_closed');
    assert.deepEqual([closed?.place, closed?.code, more.length], ['warehouse', 'EIO', 0]);
    noAttemptSpent(world);
    world.check();
  });

  test('a warehouse that is read-only while a copy of a killed process lies in it', async (t) => {
    if (skipUnlessRoot(t, 'a warehouse that is read-only')) return;
    const world = createWorld(t);
    const { warehouse } = world.feed();
    tmpfsMount(warehouse);
    world.drop('before.csv', 2_000);
    await world.runOnce();
    const temporary = join(warehouse, '.ingest-tmp', `${world.jobs()[0]!.id}.1`);
    writeFileSync(temporary, 'half of it');
    remount(warehouse, 'ro');
    world.start('ingest');
    world.drop('during.csv', 2_000);
    await world.event('gate_closed', ({ place, code }) => place === 'warehouse' && code === 'EROFS', LONG);
    remount(warehouse, 'rw');
    await world.stored(undefined, LONG);
    assert.deepEqual(world.log.named('worker_lost'), []);
    await world.stop();
    rmSync(temporary, { force: true });
    world.check();
  });

  test('manifests on a full disk', async (t) => {
    if (skipUnlessRoot(t, 'manifests on a full disk')) return;
    const world = createWorld(t);
    const { manifests } = world.feed();
    tmpfsMount(manifests, { size: '1m' });
    const ballast = join(manifests, 'ballast');
    const tail = await world.manifestTail();
    await comesThrough(world, {
      ...{ place: 'manifests', code: 'ENOSPC', files: 20 },
      breaks: () => fill(ballast, 2 * 1024),
      repairs: () => rmSync(ballast),
    });
    assert.deepEqual((await tail.stop()).broken, []);
  });

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

  test('a work directory without room for a private copy: what was copied does not keep the room', async (t) => {
    if (skipUnlessRoot(t, 'a work directory on a full disk')) return;
    const world = createWorld(t);
    tmpfsMount(world.input, { size: '8m' });
    const ballast = join(world.input, '.ballast');
    world.drop('linked.csv', 3_000 * KiB);
    linkSync(join(world.input, 'linked.csv'), join(world.input, '.kept'));
    fill(ballast, 3_000);
    world.start('ingest');
    const closed = await world.event('gate_closed', undefined, LONG);
    assert.deepEqual([closed.place, closed.code], ['work', 'ENOSPC']);
    await tried(world, 'work');
    const inWork = readdirSync(join(world.input, '.ingest', 'underprocess'));
    assert.deepEqual(
      inWork.filter((name) => name.includes('.tmp~')),
      [],
    );
    rmSync(ballast);
    await world.stored(undefined, LONG);
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
    world.start('ingest', ['--concurrency', '2']);
    world.drop('before.csv', 2_000);
    await world.stored(1, LONG);
    for (let i = 0; i < 100; i++) world.drop(`in flight ${i}.csv`, 500);
    await world.event('file_ready', ({ path }) => String(path).includes('in flight'), LONG);
    fill(ballast, 32 * 1024);
    for (let i = 0; i < 300; i++) world.drop(`during ${i} ${'x'.repeat(200)}.csv`, 500);
    const told = await world.event('delivery_failing', undefined, LONG);
    assert.match(String(told.error), /space|full/);
    rmSync(ballast);
    await world.stored(undefined, LONG);
    assert.equal(world.log.named('delivery_failing').length, 1, 'told once');
    assert(world.log.named('state_unwritable').length <= 2, 'told once by each worker');
    noAttemptSpent(world);
    await world.stop();
    world.check();
  });
});
