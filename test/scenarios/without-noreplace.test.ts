/**
 * Filesystems that know no RENAME_NOREPLACE (FUSE, NFS, older ZFS). The kills between any two calls of this way: the part `links`
 * of `npm run crash`, and its short form in crash/crash.test.ts.
 */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { workDirOf } from '../world/layout.js';
import { loseState, rebuilt, stoppedBefore } from '../world/lost.js';
import { bindfsMount } from '../world/mounts.js';
import type { Ended } from '../world/program.js';
import { skipUnlessRoot } from '../world/users.js';
import { withoutNoReplace } from '../world/without-noreplace.js';
import { createWorld, type World } from '../world/world.js';

const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };
const WHY = ['--reason', 'by the test'];

/** The environment of programs whose filesystems know no RENAME_NOREPLACE. */
function preloaded(t: TestContext, world: World): NodeJS.ProcessEnv | undefined {
  const library = withoutNoReplace(world.root);
  if (library === undefined) t.skip('no gcc: a filesystem without RENAME_NOREPLACE was not tested');
  return library === undefined ? undefined : { LD_PRELOAD: library };
}

const doctorOf = (world: World, env: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  world.launch('ingest-ctl', ['doctor', '--verbose', ...world.flags('ingest')], { env }).ended;

const inFolder = (world: World, folder: string): string[] =>
  readdirSync(join(workDirOf(world.feed()), folder)).map((name) => name.slice(26));

async function nothingDiffers(world: World): Promise<void> {
  world.check();
  assert.deepEqual(inFolder(world, 'underprocess'), []);
  const { code, stdout } = await world.run('ingest-ctl', ['audit', '--hash']);
  assert.equal(code, 0, stdout);
}

test('files are stored, put away, discarded and withdrawn where no filesystem has the flag', async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE, maxBytes: '1MiB', preserveSubdirs: true } });
  const env = preloaded(t, world);
  if (!env) return;
  const dropped = ['a.csv', 'sub/same.csv', `${'l'.repeat(246)}.csv`].map((name) => world.drop(name, 1_000));
  const inodes = dropped.map(({ name }) => statSync(join(world.input, name)).ino);
  world.drop('twin.csv', readFileSync(join(world.input, 'a.csv')));
  const large = world.drop('too large.csv', 2 << 20);
  world.held.add(large.sha256);
  await world.runOnce([], { env, code: 4 });
  world.check();
  const stored = new Map(world.warehouse().map(({ sha256, ino }) => [sha256, ino]));
  for (const [i, { sha256 }] of dropped.entries()) assert.equal(Number(stored.get(sha256)), inodes[i]);
  assert.deepEqual(inFolder(world, 'duplicates'), ['~twin.csv']);

  const [{ sha256 }] = dropped as [(typeof dropped)[0]];
  world.withdrawn.add(sha256);
  assert.equal((await world.run('ingest-ctl', ['withdraw', sha256, ...WHY], { env })).code, 0);
  assert.equal((await world.run('ingest-ctl', ['discard', '--all'], { env })).code, 0);
  world.held.delete(large.sha256);
  world.discarded.add(large.sha256);
  await world.runOnce([], { env });
  assert.deepEqual(inFolder(world, 'failed').sort(), ['~a.csv', '~too large.csv']);
  await nothingDiffers(world);
});

for (const place of ['input', 'warehouse', 'manifests'] as const)
  test(`FUSE as ${place}: everything is stored once, and doctor has nothing to mend`, async (t) => {
    if (skipUnlessRoot(t, `FUSE as ${place}`)) return;
    const world = createWorld(t, { options: AT_ONCE });
    const below = join(world.root, `below ${place}`);
    mkdirSync(below);
    if (!bindfsMount(below, world.feed()[place]))
      return t.skip(`no bindfs or no FUSE: FUSE as ${place} was not tested`);
    world.drop('a.csv', 1_000);
    world.drop('large.csv', 3 << 20);
    world.drop('twin.csv', readFileSync(join(world.input, 'a.csv')));
    await world.runOnce();
    await nothingDiffers(world);
    const doctor = await doctorOf(world);
    assert.equal(doctor.code, 0, doctor.stdout);
    assert.match(
      doctor.stdout,
      new RegExp(`${place}: .* knows no rename that never overwrites, so a file gets its name by a link`),
    );
  });

test('a start refuses a place with neither, and doctor says the same; nothing is left there', async (t) => {
  const world = createWorld(t);
  const env = preloaded(t, world);
  if (!env) return;
  const neither = { ...env, WITHOUT_LINKS: '1' };
  world.drop('a.csv', 10);
  const { stderr } = await world.runOnce([], { env: neither, code: 3 });
  const rule = /is on a filesystem \(.+, .+\) that has neither a rename that overwrites nothing .* nor hard links/;
  assert.match(stderr, rule);
  assert.doesNotMatch(stderr, /^ {4}at /m, 'no stack');
  const doctor = await doctorOf(world, neither);
  assert.equal(doctor.code, 3, doctor.stdout);
  assert.match(doctor.stdout, new RegExp(`fail +warehouse: .*${rule.source}`));
  assert.deepEqual(readdirSync(world.feed().warehouse), []);
  assert(existsSync(join(world.input, 'a.csv')));
});

/** As a claim leaves it that dies in the middle. */
function intoClaim(world: World, id: string, path: string, from: string): void {
  const claim = join(workDirOf(world.feed()), 'underprocess', `${id}.claims~`, '1');
  const encoded = `${id}~${path}`;
  const into = encoded.length > 255 ? join(claim, `${id}~`) : claim;
  mkdirSync(into, { recursive: true });
  renameSync(from, join(into, encoded.length > 255 ? path : encoded));
}

const jobOf = (world: World, name: string): string => world.jobs().find(({ key }) => key === name)!.id;

test('a file in the folder of a claim that died is found there: by its job, by the reaper, by a rebuild', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const names = ['a.csv', `${'l'.repeat(246)}.csv`];
  await stoppedBefore(world, 'verify-complete', () => names.forEach((name) => void world.drop(name, 500)), 2);
  for (const name of names) intoClaim(world, jobOf(world, name), name, join(world.input, name));
  const audited = await world.run('ingest-ctl', ['audit']);
  assert.equal(audited.code, 0, audited.stdout);
  // A claim that died before its rename.
  mkdirSync(join(workDirOf(world.feed()), 'underprocess', `${jobOf(world, 'a.csv')}.claims~`, '2'));
  await world.run('ingest-ctl', ['resume', 'verify-complete']);
  await world.runOnce();
  await nothingDiffers(world);
  assert.equal(world.warehouse().length, 2);

  for (const [n, afterwards] of [() => world.runOnce(), () => rebuiltFrom(world)].entries()) {
    const name = `orphan ${n}.csv`;
    world.drop(name, 700 + n);
    intoClaim(world, `01ARZ3NDEKTSV4RRFFQ69G5F0${n}`, name, join(world.input, name));
    await afterwards();
    await nothingDiffers(world);
    assert.equal(world.warehouse().length, 3 + n);
  }
});

async function rebuiltFrom(world: World): Promise<void> {
  loseState(world);
  await rebuilt(world);
  await world.runOnce();
}

test('a file that a withdrawal had taken out when it died goes on to failed/', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const { sha256 } = world.drop('a.csv', 500);
  await world.runOnce();
  await world.run('ingest-ctl', ['pause', 'move']);
  world.withdrawn.add(sha256);
  await world.run('ingest-ctl', ['withdraw', sha256, ...WHY]);
  const job = world.jobs().find(({ payload }) => payload.putAway?.kind === 'withdrawn')!.id;
  intoClaim(world, job, 'a.csv', join(world.feed().warehouse, world.warehouse()[0]!.path));
  await world.run('ingest-ctl', ['resume', 'move']);
  await world.runOnce();
  assert.deepEqual(inFolder(world, 'failed'), ['~a.csv']);
  await nothingDiffers(world);
});

test('killed between link and removal, and a reader writes to the file: it is stored, and not delivered again', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await stoppedBefore(world, 'move', () => void world.drop('a.csv', 500), 1);
  const { path } = world.underprocess()[0]!;
  const target = world.manifest()[0]!.record!.warehouse_path as string;
  mkdirSync(join(target, '..'), { recursive: true });
  linkSync(join(workDirOf(world.feed()), 'underprocess', basename(path)), target);
  appendFileSync(target, 'a note of the reader');
  await world.run('ingest-ctl', ['resume', 'move']);
  await world.runOnce();
  const [job] = world.jobs();
  assert.deepEqual([job!.state, job!.ending], ['done', 'stored']);
  assert.deepEqual(inFolder(world, 'underprocess'), []);
  const { nlink, size } = statSync(target);
  assert.deepEqual({ nlink, size }, { nlink: 1, size: 520 });
  assert.deepEqual(
    world.warehouse().map(({ path }) => basename(path)),
    ['a.csv'],
  );
});
