/**
 * Failing places: a place that cannot be used keeps its stages waiting. It is told once, costs no attempt, and the work
 * goes on by itself when it is repaired; nothing is lost and nothing is written elsewhere instead.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
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

/** Without -l: it must not be busy. */
function plainUnmount(place: string): void {
  assert(unmount(place, { busy: 'fails' }));
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
      breaks: () => plainUnmount(warehouse),
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

  test('an input that is unmounted under a running producer', async (t) => {
    if (skipUnlessRoot(t, 'an input that is unmounted')) return;
    const home = createWorld(t);
    const source = join(home.root, 'source');
    const mount = join(home.root, 'mount');
    mkdirSync(source);
    bindMount(source, mount);
    mkdirSync(join(mount, 'input'));
    const world = createWorld(t, { places: { input: join(mount, 'input') } });
    world.start('ingest');
    world.drop('before.csv', 2_000);
    await world.stored(1, LONG);
    // Waiting for the end of its window when its directory goes.
    world.drop('during.csv', 2_000);
    unmount(mount);
    await world.event('root_missing', undefined, LONG);
    await world.event('gate_closed', undefined, LONG);
    assert.deepEqual(readdirSync(mount), [], 'something was written below the mount point');
    bindMount(source, mount);
    await world.event('root_back', undefined, LONG);
    world.drop('after.csv', 2_000);
    await world.stored(undefined, LONG);
    assert.equal(world.log.named('root_missing').length, 1, 'told once');
    assert(world.log.named('gate_closed').length <= 2, 'input and work directory, each once');
    noAttemptSpent(world);
    await world.stop();
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
