/**
 * An ordinary user without CAP_LEASE, with uploads of another user. The kernel does not answer such a user who is writing, so a
 * private copy is stored, and the record says so.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  closeSync,
  fchmodSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nameOfText } from '../../src/linux/names.js';
import { skipUnlessInstalled } from '../simulate/installed.js';
import type { Dropped } from '../world/dropping.js';
import type { WorldOptions } from '../world/home.js';
import { workDirOf } from '../world/layout.js';
import { give, ordinaryUser, otherUser, skipUnlessReachable, skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const NOT_TESTED = 'uploads of another user to an ordinary one';

/** A world of an ordinary user, in whose input everybody may write. Undefined, with the test skipped, where that cannot be. */
function worldOfTwo(t: TestContext, options: WorldOptions = {}): World | undefined {
  if (skipUnlessRoot(t, NOT_TESTED) || skipUnlessReachable(t, ordinaryUser, NOT_TESTED)) return undefined;
  const world = createWorld(t, { ...options, user: ordinaryUser });
  chmodSync(world.input, 0o777);
  return world;
}

/** A file of the other user, readable by all. */
function dropByOther(world: World, name: string, bytes: number): Dropped {
  const dropped = world.drop(name, bytes);
  give(otherUser!, join(world.input, name));
  return dropped;
}

const recordOf = (world: World, { sha256 }: Dropped) =>
  world.manifest().find(({ record }) => record?.sha256 === sha256)!.record!;

test("another user's upload is stored as a private copy, one's own under a lease", async (t) => {
  const world = worldOfTwo(t);
  if (!world) return;
  const own = [500, 2 << 20].map((bytes, i) => world.drop(`own ${i}.csv`, bytes));
  const others = [500, 2 << 20].map((bytes, i) => dropByOther(world, `other ${i}.csv`, bytes));
  const inodes = new Map(others.map(({ name, sha256 }) => [sha256, statSync(join(world.input, name)).ino]));
  // The uploader keeps its file open all the time: an ordinary user cannot find that out.
  const kept = openSync(join(world.input, 'other 0.csv'), 'r+');
  await world.runOnce();
  writeSync(kept, 'written after it was stored', 0);
  closeSync(kept);
  world.check();
  for (const dropped of own) assert.equal(recordOf(world, dropped).seal, 'lease');
  for (const dropped of others) {
    const record = recordOf(world, dropped);
    assert.equal(record.seal, 'copy');
    assert.equal(Number(record.inode), inodes.get(dropped.sha256), 'the record names the original');
    const { ino, uid } = statSync(record.warehouse_path);
    assert.notEqual(ino, inodes.get(dropped.sha256));
    assert.equal(uid, ordinaryUser.uid, 'an ordinary user cannot give a copy away');
  }
});

test('a checksum that another user writes while its file is read holds the file', async (t) => {
  const options = { mode: 'sidecar', stabilitySeconds: 1 };
  const world = worldOfTwo(t, { options });
  if (!world) return;
  // As `sha256sum big.csv > big.csv.ok` leaves it while it reads. The kernel does not say that it is open.
  const sidecar = openSync(join(world.input, 'big.csv.ok'), 'w');
  fchmodSync(sidecar, 0o644);
  give(otherUser!, join(world.input, 'big.csv.ok'));
  world.sidecars.add(nameOfText('big.csv.ok'));
  const big = dropByOther(world, 'big.csv', 4 << 20);
  world.held.add(big.sha256);
  world.start('ingest', ['--max-bytes-per-second', '300kB']);
  await until('the file is read', () => world.underprocess().some(({ path }) => path.includes('.tmp~')));
  writeSync(sidecar, `${'0'.repeat(64)}  big.csv\n`);
  closeSync(sidecar);
  await until('it is judged', () => world.log.named('file_held').length + world.manifest().length > 0);
  await world.stop();
  assert.deepEqual(world.manifest(), []);
  assert.equal(world.log.named('file_held')[0]?.code, 'checksum_mismatch');
  world.check();
});

test('seal: lease stands only where the kernel granted a lease', async (t) => {
  const world = worldOfTwo(t);
  if (!world || skipUnlessInstalled(t, 'strace', 'that a lease was granted wherever a record says so')) return;
  for (let i = 0; i < 5; i++) world.drop(`own ${i}.csv`, 300 + i);
  for (let i = 0; i < 5; i++) dropByOther(world, `other ${i}.csv`, 600 + i);
  const traces = join(world.root, 'traces');
  mkdirSync(traces);
  give(ordinaryUser, traces);
  const strace = ['strace', '-ff', '-y', '-qq', '-e', 'trace=fcntl', '-e', 'signal=none', '-o', join(traces, 't')];
  await world.runOnce([], { wrap: strace });
  world.check();
  const answers = leaseAnswers(traces);
  for (const dropped of world.dropped) {
    const { seal } = recordOf(world, dropped);
    const given = answers.filter(({ path }) => path.endsWith(dropped.name));
    assert(given.length > 0, `${dropped.name}: no lease was asked for`);
    if (seal === 'lease') {
      assert(given.length >= 2, 'asked before the rename and after it');
      assert(given.at(-1)!.path.includes('/underprocess/'));
      for (const { answer } of given) assert.equal(answer, '0', `${dropped.name}: ${answer}`);
    } else {
      for (const { answer } of given) assert.match(answer, /^-1 EACCES/, `${dropped.name}: ${answer}`);
    }
  }
  assert.equal(world.manifest().filter(({ record }) => record!.seal === 'lease').length, 5);
});

/** Every F_SETLEASE that asks for a read lease, by process and in order: the path of the descriptor, and the result. */
function leaseAnswers(traces: string): { path: string; answer: string }[] {
  return readdirSync(traces).flatMap((name) =>
    [...readFileSync(join(traces, name), 'utf8').matchAll(/^fcntl\(\d+<(.*?)>, F_SETLEASE, F_RDLCK\) += (.*)$/gm)].map(
      ([, path, answer]) => ({ path: path!, answer: answer! }),
    ),
  );
}

test('a sticky directory, and one that may not be written, give their sentences; retry takes the files afterwards', async (t) => {
  const world = worldOfTwo(t);
  if (!world) return;
  for (const [folder, mode] of [
    ['sticky', 0o1777],
    ['closed', 0o755],
  ] as const) {
    mkdirSync(join(world.input, folder));
    world.held.add(dropByOther(world, `${folder}/upload.csv`, 800).sha256);
    chownSync(join(world.input, folder), otherUser!.uid, otherUser!.gid);
    chmodSync(join(world.input, folder), mode);
  }
  await world.runOnce([], { code: 4 });
  world.check();
  const reasons = new Map(world.log.named('file_held').map(({ code, reason }) => [code, String(reason)]));
  assert.match(
    reasons.get('sticky_directory') ?? '',
    new RegExp(`folder ${world.input}/sticky has the sticky bit .* belongs to another user`),
  );
  assert.match(
    reasons.get('not_permitted') ?? '',
    new RegExp(`the user \\S+ may not move the file out of its folder ${world.input}/closed \\(EACCES\\)`),
  );

  world.held.clear();
  for (const folder of ['sticky', 'closed']) chmodSync(join(world.input, folder), 0o777);
  const retried = await world.run('ingest-ctl', ['retry', '--all']);
  assert.equal(retried.code, 0, retried.stderr);
  world.start('ingest-worker');
  await world.allDone();
  await world.stop();
  world.check();
});

test('a work directory that this user may not write closes the gate of the stage, and no file is held', async (t) => {
  const world = worldOfTwo(t);
  if (!world) return;
  await world.runOnce();
  const work = join(workDirOf(world.feed()), 'underprocess');
  chmodSync(work, 0o500);
  world.start('ingest');
  const file = world.drop('a.csv', 500);
  const closed = await world.event('gate_closed');
  assert.deepEqual([closed.stage, closed.place, closed.code], ['verify-complete', 'work', 'EACCES']);
  assert.match(String(closed.reason), /underprocess may not be entered by this user/);
  chmodSync(work, 0o700);
  await world.isStored(file);
  assert.deepEqual(world.log.named('file_held'), []);
  await world.stop();
});

test('a day of the warehouse that this user may not write: held at once, with the folder; retry takes the file', async (t) => {
  const world = worldOfTwo(t);
  if (!world) return;
  world.drop('first.csv', 500);
  await world.runOnce();
  const day = dirname(world.manifest()[0]!.record!.warehouse_path);
  chownSync(day, otherUser!.uid, otherUser!.gid);
  chmodSync(day, 0o755);
  const late = world.drop('late.csv', 600);
  world.held.add(late.sha256);
  await world.runOnce([], { code: 4 });
  const [held, ...more] = world.log.named('file_held');
  assert.deepEqual([held?.code, more.length], ['target_not_permitted', 0]);
  assert.match(String(held?.reason), new RegExp(`may not put the file into the folder ${day} \\(EACCES\\)$`));
  assert.deepEqual(world.log.named('file_retry'), [], 'no attempt is spent');
  const explained = await world.run('ingest-ctl', ['explain', join(world.input, 'late.csv')]);
  assert.match(explained.stdout, /It lies in .*underprocess\/.*late\.csv\./);
  const priv = join(world.input, 'priv');
  mkdirSync(priv, { mode: 0o700 });
  const closed = await world.run('ingest-ctl', ['explain', join(priv, 'x.csv')]);
  assert.match(
    closed.stdout,
    /cannot be looked at: EACCES.*\n.*releases it: give the user \S+ permission to enter priv/,
  );
  rmdirSync(priv);
  assert.match(explained.stdout, /What releases it: Give that user write permission on that folder/);

  world.held.clear();
  chmodSync(day, 0o777);
  const command = /ingest-ctl (retry [0-9A-Z]{26})/.exec(explained.stdout)?.[1];
  assert.equal((await world.run('ingest-ctl', command!.split(' '))).code, 0, 'the printed command runs as it stands');
  await world.runOnce();
  assert.deepEqual(
    world.jobs().map(({ ending }) => ending),
    ['stored', 'stored'],
  );
  world.check();
});
