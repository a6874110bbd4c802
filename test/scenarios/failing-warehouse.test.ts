/**
 * A failing warehouse makes its stages wait. It is logged once and costs no attempt, and work goes on by itself after the
 * repair. Nothing is lost, and nothing is written elsewhere instead.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Report } from '../../src/service/status/report.js';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { BY_COUNTRY, orders } from '../world/chains.js';
import { bindMount, remount, tmpfsMount, unmount } from '../world/mounts.js';
import { signal } from '../world/program.js';
import { give, ordinaryUser, skipUnlessReachable, skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { comesThrough, fill, KiB, noAttemptSpent } from './trouble.js';

/** The tests wait most of their time for the next probe. */
const CONCURRENTLY = { concurrency: 3 };

describe('a warehouse in everyday trouble', CONCURRENTLY, () => {
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
      place: 'warehouse',
      code: 'ENOSPC',
      files: 3,
      bytes: 900 * KiB,
      breaks: () => fill(ballast, 6 * 1024),
      repairs: () => rmSync(ballast),
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
      place: 'warehouse',
      code: 'no_marker',
      // Without -l: no process keeps it busy longer than one batch.
      breaks: () => assert(unmount(warehouse, { busy: 'fails' })),
      repairs: () => {
        assert.deepEqual(readdirSync(warehouse), [], 'something was written below the mount point');
        bindMount(source, warehouse);
      },
    });
  });
});

test('another directory in the place of a missing warehouse: the reason is that of the last probe', async (t) => {
  const world = createWorld(t);
  const { warehouse } = world.feed();
  world.start('ingest');
  world.drop('before.csv', 100);
  await world.stored(1);
  renameSync(warehouse, `${warehouse} that was`);
  world.drop('during.csv', 200);
  const reasonOf = (code: string) => world.event('gate_closed', (event) => event.code === code);
  assert.match(String((await reasonOf('ENOENT')).reason), /is missing: mount it, or put it back$/);
  mkdirSync(warehouse);
  assert.match(String((await reasonOf('no_marker')).reason), /has lost its marker/);
  const [finding] = (JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report).findings;
  assert.deepEqual([finding!.code, /lost its marker/.test(finding!.sentence)], ['no_marker', true]);
  rmSync(warehouse, { recursive: true });
  await until('the probe to miss it again', () => world.gates().some(({ code }) => code === 'ENOENT'));
  renameSync(`${warehouse} that was`, warehouse);
  await world.stored();
  await world.allDone();
  noAttemptSpent(world);
  await world.stop();
  world.check();
});

test('a file with holes waits for the room of its data alone', async (t) => {
  if (skipUnlessRoot(t, 'a warehouse that is full')) return;
  const world = createWorld(t);
  const { warehouse } = world.feed();
  tmpfsMount(warehouse, { size: '8m' });
  fill(join(warehouse, 'ballast'), 7 * 1024);
  const at = join(world.root, 'holes');
  writeFileSync(at, Buffer.alloc(4 * 1024 * KiB, 'x'));
  truncateSync(at, 256 * 1024 * KiB);
  world.start('ingest');
  renameSync(at, join(world.input, 'holes.csv'));
  await world.event('gate_closed');
  rmSync(join(warehouse, 'ballast'));
  const { bytes } = await world.event('file_ingested', ({ path }) => String(path).endsWith('holes.csv'));
  assert.equal(bytes, 256 * 1024 * KiB);
  await world.allDone();
  await world.stop();
});

test('a file without room in a full warehouse delays no other file; a file that can never fit is held', async (t) => {
  if (skipUnlessRoot(t, 'a warehouse that is full')) return;
  const world = createWorld(t);
  const { warehouse } = world.feed();
  const ballast = join(warehouse, 'ballast');
  tmpfsMount(warehouse, { size: '8m' });
  world.start('ingest');
  world.drop('before.csv', 2_000);
  await world.stored(1);
  fill(ballast, 5 * 1024);
  const never = world.drop('never.csv', 9 * 1024 * KiB);
  // Tried first: while the other one keeps the gate closed, it is not tried.
  await until('it is held', () => world.jobs().find(({ hold_code }) => hold_code === 'never_fits'));
  world.drop('later.csv', 4 * 1024 * KiB);
  await world.event('gate_closed');
  world.drop('small.csv', 300 * KiB);
  await world.event('file_ingested', ({ path }) => String(path).endsWith('small.csv'));
  rmSync(ballast);
  await world.event('file_ingested', ({ path }) => String(path).endsWith('later.csv'));
  assert.match(world.jobs().find(({ key }) => key === never.name)!.reason!, /9\.0 MiB.*8\.0 MiB in all/);
  // *stored* is logged before a copied source is put away.
  await until('the rest to be done', () => world.jobs().every(({ state }) => state === 'done' || state === 'held'));
  await world.stop();
  world.held.add(never.sha256);
  world.check();
});

describe('a warehouse in trouble that is harder to see', CONCURRENTLY, () => {
  test('a warehouse without an inode left', async (t) => {
    if (skipUnlessRoot(t, 'a warehouse without an inode left')) return;
    const world = createWorld(t);
    const { warehouse } = world.feed();
    tmpfsMount(warehouse, { options: ['nr_inodes=64'] });
    const ballast = join(warehouse, 'ballast');
    await comesThrough(world, {
      place: 'warehouse',
      code: 'ENOSPC',
      breaks: () => {
        mkdirSync(ballast);
        assert.throws(() => {
          for (let i = 0; i < 64; i++) writeFileSync(join(ballast, String(i)), '');
        }, /ENOSPC/);
      },
      repairs: () => rmSync(ballast, { recursive: true }),
    });
  });

  test('a partition that is read-only on a mount of its own, which a probe of the warehouse does not see', async (t) => {
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
    closedByErrors(world);
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
    const temporary = join(warehouse, '.ingest-tmp', `${world.jobs()[0]!.id}.0.1`);
    writeFileSync(temporary, 'half of it');
    remount(warehouse, 'ro');
    world.start('ingest');
    world.drop('during.csv', 2_000);
    await world.event('gate_closed', ({ place, code }) => place === 'warehouse' && code === 'EROFS');
    remount(warehouse, 'rw');
    await world.stored();
    assert.deepEqual(world.log.named('worker_lost'), []);
    await world.allDone();
    await world.stop();
    rmSync(temporary, { force: true });
    world.check();
  });
});

test('a warehouse whose disk answers with an I/O error while a chain writes its outputs', async (t) => {
  if (skipUnlessInstalled(t, 'strace', 'I/O errors of outputs')) return;
  const world = createWorld(t, { feeds: { made: { options: { process: BY_COUNTRY } } } });
  const { text, made } = orders('failing', 20);
  world.made.set(world.drop('failing.csv', text).sha256, made);
  // The child of the chain alone asks it by its path.
  const temporary = join(world.feed('made').warehouse, '.ingest-tmp');
  const inject = ['-e', 'trace=statfs', '-e', 'inject=statfs:error=EIO:when=1', '-P', temporary];
  const wrap = ['strace', '-f', '-qq', ...inject, '-o', join(world.root, 'trace')];
  const program = world.start('ingest', [], { wrap });
  await world.event('gate_closed');
  signal(program.descendants()[0]!, 'SIGTERM');
  await program.ended;
  closedByErrors(world);
  await world.runOnce();
  noAttemptSpent(world);
  world.check();
});

describe('a warehouse that cannot be checked', CONCURRENTLY, () => {
  test('a partition that an ordinary user may not enter', async (t) => {
    const what = 'a partition of another user';
    if (skipUnlessRoot(t, what) || skipUnlessReachable(t, ordinaryUser, what)) return;
    const world = createWorld(t, { user: ordinaryUser });
    const partitions = () => readdirSync(world.feed().warehouse).filter((name) => name.startsWith('ingest_date='));
    const each = (act: (path: string) => void): void => {
      for (const name of partitions()) act(join(world.feed().warehouse, name));
    };
    await comesThrough(world, {
      place: 'warehouse',
      code: 'EACCES',
      breaks: () =>
        each((path) => {
          chownSync(path, 0, 0);
          chmodSync(path, 0o700);
        }),
      repairs: () => each((path) => give(ordinaryUser, path)),
    });
    assert.deepEqual(world.log.named('worker_lost'), []);
  });

  test('an I/O error of a name closes the gate, and costs no job an attempt', async (t) => {
    const world = await withTakenName(t, 'I/O errors of a check');
    if (!world) return;
    await world.runOnce([], { wrap: tracing(world, 'EIO:when=1') });
    closedByErrors(world);
    assert.deepEqual(world.log.named('worker_lost'), []);
    noAttemptSpent(world);
    world.check();
  });

  test('only a file whose name the filesystem refuses is held, and the other files go on', async (t) => {
    const world = await withTakenName(t, 'names that a filesystem refuses');
    if (!world) return;
    const refused = world.dropped.find(({ name }, i) => i > 0 && name === TAKEN)!;
    world.held.add(refused.sha256);
    await world.runOnce([], { wrap: tracing(world, 'EINVAL'), code: 4 });
    const [held, ...more] = world.log.named('file_held');
    assert.deepEqual([held?.code, more.length], ['target_name_refused', 0]);
    assert.match(String(held?.reason), /refuses the name .*taken.*\(EINVAL\)$/);
    assert.deepEqual([world.log.named('worker_lost'), world.log.named('file_retry')], [[], []]);
    world.check();
  });
});

/** strace counts `when=1` for each thread, so more than one may meet its error. */
function closedByErrors(world: World): void {
  const injected = readFileSync(join(world.root, 'trace'), 'utf8').split('(INJECTED)').length - 1;
  const closed = world.log.named('gate_closed').map(({ place, code }) => `${place} ${code}`);
  assert.deepEqual([...new Set(closed)], ['warehouse EIO']);
  assert.ok(closed.length <= injected, `${closed.length} times closed, ${injected} errors`);
}

const TAKEN = 'taken.csv';
const tracing = (world: World, error: string) =>
  ['strace', '-f', '-qq', '-e', 'trace=statx', '-e', `inject=statx:error=${error}`].concat(
    // A relative name, which only the check of the warehouse passes.
    ['-P', 'taken~2.csv', '-o', join(world.root, 'trace')],
  );

/** A stored name comes again with other content, so the check goes on to another name. A few other files come with it. */
async function withTakenName(t: TestContext, notTested: string): Promise<World | undefined> {
  if (skipUnlessInstalled(t, 'strace', notTested)) return undefined;
  const world = createWorld(t);
  world.drop(TAKEN, 2_000);
  await world.runOnce();
  for (const name of [TAKEN, 'a.csv', 'b.csv', 'c.csv']) world.drop(name, 3_000);
  return world;
}

async function comesThroughUnseen(world: World, places: readonly string[]): Promise<void> {
  world.start('ingest');
  world.drop('before.csv', 2_000);
  await world.stored(1);
  for (const place of places) remount(place, 'ro');
  world.drop('during.csv', 2_000);
  await world.event('gate_closed');
  const blocked = () => world.jobs().find(({ state }) => state !== 'done')?.claim_no ?? 0;
  const from = await until('the blocked job', () => blocked() || undefined);
  await until('three tries after gates that were opened too early', () => blocked() >= from + 3);
  for (const place of places) remount(place, 'rw');
  await world.stored();
  await world.allDone();
  await world.event('gate_opened');
  assert.equal(world.log.named('gate_closed').length, 1, 'logged once, however often it was tried');
  assert.equal(world.log.named('gate_opened').length, 1);
  noAttemptSpent(world);
  await world.stop();
  world.check();
}
