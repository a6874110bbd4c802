/** `ingest-ctl rebuild` with ambiguous evidence: nothing is removed on a guess. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ctl, done, held, readyFor, waiting } from '../../world/jobs.js';
import { workDirOf } from '../../world/layout.js';
import {
  backedUp,
  loseState,
  rebuild,
  rebuilt,
  refused,
  restore,
  stateFiles,
  stoppedBefore,
  stoppedInMount,
  withOlderState,
} from '../../world/lost.js';
import { give, ordinaryUser, skipUnlessReachable, skipUnlessRoot } from '../../world/users.js';
import { createWorld, type World } from '../../world/world.js';

/** No quiet window: a file is sealed at once. */
const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };

test('a foreign file of equal size does not pass for the content: the sealed file stays', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await stoppedBefore(world, 'move', () => world.drop('last.csv', 100), 1);
  const { warehouse_path } = world.manifest()[0]!.record!;
  mkdirSync(dirname(warehouse_path), { recursive: true });
  writeFileSync(warehouse_path, 'x'.repeat(100));
  loseState(world);
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /0 stored, .*\n.*1 with a line and still in underprocess/);
  await world.runOnce([], { code: 4 });
  assert.equal(world.jobs()[0]?.hold_code, 'target_taken');
  assert.deepEqual(
    world.underprocess().map(({ sha256 }) => sha256),
    world.dropped.map(({ sha256 }) => sha256),
  );
});

/** Its sealed file is written to after its line was written. */
function writeToSealed(world: World): void {
  const { path } = world.underprocess()[0]!;
  writeFileSync(join(workDirOf(world.feed()), 'underprocess', path), 'written by somebody else, as root can do it');
}

for (const before of ['older', 'lost'] as const)
  test(`a sealed file that changed after its line is held, and a waiting twin is stored when it is discarded; the state is ${before}`, async (t) => {
    const world = createWorld(t, { options: AT_ONCE });
    const program = world.start('ingest');
    await world.event('worker_started');
    await ctl(world, 'pause', 'move');
    const bytes = world.content(100);
    const { sha256 } = world.drop('a.csv', bytes);
    await readyFor(world, 'a.csv', 'move');
    writeToSealed(world);
    world.drop('b.csv', bytes);
    await waiting(world, 'b.csv');
    await ctl(world, 'resume', 'move');
    const { id } = await held(world, 'a.csv', 'changed_after_hash');
    await program.stop();
    if (before === 'lost') loseState(world);
    await rebuilt(world);
    await world.runOnce([], { code: 4 });
    assert.equal(world.jobs().find((job) => job.id === id)?.hold_code, 'changed_after_hash');
    await ctl(world, 'discard', id);
    await world.runOnce();
    await done(world, 'b.csv', 'stored');
    assert.deepEqual(
      world.warehouse().map((file) => file.sha256),
      [sha256],
    );
    const of = world.manifest().filter(({ record }) => record!.ingest_id === id);
    assert.deepEqual(
      of.map(({ record }) => record!.sha256),
      [sha256],
      'one id has one content',
    );
  });

for (const stage of ['manifest', 'move'] as const)
  test(`a sealed file that a rebuild could not read, and that has other bytes then, is held, and gets no second line; the older state has it before ${stage}`, async (t) => {
    if (skipUnlessReachable(t, ordinaryUser, 'a sealed file that cannot be read was not tested.')) return;
    const world = createWorld(t, { user: ordinaryUser, options: AT_ONCE });
    const program = world.start('ingest');
    await world.event('worker_started');
    await ctl(world, 'pause', stage);
    const bytes = world.content(100);
    const { sha256 } = world.drop('a.csv', bytes);
    const { id } = await readyFor(world, 'a.csv', stage);
    const older = backedUp(world);
    await ctl(world, 'pause', 'move');
    await ctl(world, 'resume', 'manifest');
    await readyFor(world, 'a.csv', 'move');
    await program.stop();
    const sealed = join(workDirOf(world.feed()), 'underprocess', world.underprocess()[0]!.path);
    chmodSync(sealed, 0);
    restore(world, older);
    give(ordinaryUser, world.statePath);
    await rebuilt(world);
    chmodSync(sealed, 0o644);
    writeFileSync(sealed, 'other bytes');
    world.drop('b.csv', bytes);
    await ctl(world, 'resume', stage);
    await world.runOnce([], { code: 4 });
    assert.equal(world.jobs().find((job) => job.id === id)?.hold_code, 'changed_after_hash');
    await ctl(world, 'discard', id);
    await world.runOnce();
    await done(world, 'b.csv', 'stored');
    assert.deepEqual(
      world.manifest().map(({ record }) => [record!.ingest_id, record!.sha256]),
      [[id, sha256]],
    );
  });

test('the original of a stored file that cannot be read, and that the older state has in the input, is held', async (t) => {
  if (skipUnlessReachable(t, ordinaryUser, 'an original that cannot be read was not tested.')) return;
  const world = createWorld(t, { user: ordinaryUser, options: AT_ONCE });
  await stoppedBefore(world, 'verify-complete', () => world.drop('a.csv', 100), 1);
  const older = backedUp(world);
  await ctl(world, 'resume', 'verify-complete');
  await world.runOnce();
  const { id } = world.jobs()[0]!;
  // As a process leaves it that died before it removed the original of a copy.
  const original = join(workDirOf(world.feed()), 'underprocess', `${id}~a.csv`);
  copyFileSync(world.manifest()[0]!.record!.warehouse_path, original);
  chmodSync(original, 0);
  restore(world, older);
  give(ordinaryUser, world.statePath);
  await rebuilt(world);
  await ctl(world, 'resume', 'verify-complete');
  await world.runOnce([], { code: 4 });
  assert.deepEqual(world.log.named('bug'), []);
  assert.equal(world.jobs()[0]?.hold_code, 'changed_after_copy');
  await ctl(world, 'discard', id);
  await world.runOnce();
  assert.deepEqual([world.failed().length, world.warehouse().length], [1, 1]);
});

test('a sealed file with other bytes, and with the size and time of before, is held by the job of an older state', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await stoppedBefore(world, 'move', () => world.drop('a.csv', 100), 1);
  const path = join(workDirOf(world.feed()), 'underprocess', world.underprocess()[0]!.path);
  const { mtimeNs } = statSync(path, { bigint: true });
  writeFileSync(path, 'x'.repeat(100));
  execFileSync('touch', [
    '-d',
    `@${mtimeNs / 1_000_000_000n}.${String(mtimeNs % 1_000_000_000n).padStart(9, '0')}`,
    path,
  ]);
  await rebuilt(world);
  await ctl(world, 'resume', 'move');
  await world.runOnce([], { code: 4 });
  assert.equal(world.jobs()[0]?.hold_code, 'changed_after_hash');
  assert.deepEqual(world.warehouse(), []);
});

test('an original that was written to after its private copy was stored gets no second line, also where a consumer took the copy', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await stoppedBefore(
    world,
    'move',
    () => {
      world.drop('linked.csv', 100);
      // A second name: the kernel cannot say who writes to it, so it is copied.
      linkSync(join(world.input, 'linked.csv'), join(world.root, 'elsewhere'));
    },
    1,
  );
  appendFileSync(join(world.root, 'elsewhere'), 'more');
  await ctl(world, 'resume', 'move');
  await world.runOnce([], { code: 4 });
  const { id } = world.jobs()[0]!;
  await held(world, 'linked.csv', 'changed_after_copy');
  rmSync(world.manifest()[0]!.record!.warehouse_path); // a consumer does this
  loseState(world);
  await rebuilt(world);
  await world.runOnce([], { code: 4 });
  assert.equal(world.jobs().find((job) => job.id === id)?.hold_code, 'changed_after_copy');
  assert.equal(world.manifest().length, 1);
});

test('a file whose mount is missing while the lost state is rebuilt is stored when the mount is back', async (t) => {
  if (skipUnlessRoot(t, 'a rebuild without a mount of the input')) return;
  const world = createWorld(t, { options: AT_ONCE });
  const mount = await stoppedInMount(world, 'move');
  mount.away();
  loseState(world);
  await rebuilt(world);
  await world.runOnce();
  mount.back();
  await world.runOnce();
  world.check();
  assert.deepEqual([world.warehouse().length, world.manifest().length], [1, 1]);
});

/** Runs the command that a refused rebuild names. */
function putBack(stderr: string): void {
  const [, command] = /put it back: (.*)$/m.exec(stderr)!;
  execFileSync('sh', ['-ec', command!.replace('| sudo ', '| ')]);
}

test('a warehouse whose marker was deleted gets the one that the older state knows', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  world.drop('first.csv', 100);
  await world.runOnce();
  const marker = join(world.feed().warehouse, '.ingest-root');
  const before = readFileSync(marker, 'utf8');
  rmSync(marker);
  const ended = await rebuild(world);
  refused(ended, /its warehouse .* has no marker/);
  putBack(ended.stderr);
  assert.equal(readFileSync(marker, 'utf8'), before);
  assert.match((await rebuilt(world)).stdout, /1 already in the older state/);
  world.drop('second.csv', 200);
  await world.runOnce();
  world.check();
});

test('a warehouse that is not mounted is not taken for a warehouse whose files were taken', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  world.drop('first.csv', 100);
  await world.runOnce();
  loseState(world);
  const { warehouse } = world.feed();
  renameSync(warehouse, `${warehouse} elsewhere`);
  mkdirSync(warehouse);
  const ended = await rebuild(world);
  refused(ended, /has no marker .*mount it there and run `ingest-ctl rebuild --input .+` again/);
  assert.deepEqual(stateFiles(world), []);
  // The message names the way out for an operator who knows better.
  putBack(ended.stderr);
  assert.match((await rebuilt(world)).stdout, /1 stored, but not in the warehouse/);
  loseState(world);
  renameSync(warehouse, `${warehouse} without`);
  renameSync(`${warehouse} elsewhere`, warehouse);
  assert.match((await rebuilt(world)).stdout, /1 stored, their files are in the warehouse/);
});

test('a rebuild of some feeds keeps the rows of the other feeds, which are refused until a rebuild names them', async (t) => {
  const world = createWorld(t, { feeds: { one: {}, two: {} }, options: AT_ONCE });
  const dropBoth = (name: string) => ['one', 'two'].map((feed) => world.drop(name, 100, { feed }));
  dropBoth('first.csv');
  await world.runOnce();
  const older = join(world.root, 'older.db');
  copyFileSync(world.statePath, older);
  dropBoth('second.csv');
  await world.runOnce();
  loseState(world);
  copyFileSync(older, world.statePath);
  const flags = world.flags('ingest');
  const config = flags[flags.indexOf('--config') + 1] ?? flags[0]!.slice('--config='.length);
  const all = JSON.parse(readFileSync(config, 'utf8')) as { feeds: Record<string, unknown> };
  const alone = join(world.root, 'alone.yaml');
  writeFileSync(alone, JSON.stringify({ ...all, feeds: { one: all.feeds.one } }));
  const of = (path: string) => flags.map((flag) => flag.replace(config, path));
  const before = world.ledger('two');
  const { code, stderr } = await world.launch('ingest-ctl', ['rebuild', ...of(alone)]).ended;
  assert.equal(code, 0, stderr);
  assert.equal(world.ledger('one').length, 2);
  assert.deepEqual(world.ledger('two'), before, 'not a row of it changed');
  refused(await world.run('ingest', ['--once']), /does not know.*ingest-ctl rebuild/);
  await rebuilt(world);
  await world.runOnce();
  world.check();
});

test('feeds that share their manifests are brought up to date together, or not at all', async (t) => {
  const shared = mkdtempSync(join(tmpdir(), 'manifests-'));
  t.after(() => rmSync(shared, { recursive: true }));
  const world = createWorld(t, { feeds: { one: { manifests: shared }, two: { manifests: shared } }, options: AT_ONCE });
  for (const feed of ['one', 'two']) world.drop('first.csv', 100, { feed });
  await world.runOnce();
  const older = backedUp(world);
  for (const feed of ['one', 'two']) world.drop('second.csv', 100, { feed });
  await world.runOnce();
  restore(world, older);
  const flags = world.flags('ingest');
  const config = flags[flags.indexOf('--config') + 1] ?? flags[0]!.slice('--config='.length);
  const all = JSON.parse(readFileSync(config, 'utf8')) as { feeds: Record<string, unknown> };
  const alone = join(world.root, 'alone.yaml');
  writeFileSync(alone, JSON.stringify({ ...all, feeds: { one: all.feeds.one } }));
  const ended = world.launch('ingest-ctl', ['rebuild', ...flags.map((flag) => flag.replace(config, alone))]).ended;
  refused(await ended, /also knows two, with the same manifests/);
  await rebuilt(world);
  assert.deepEqual([world.ledger('one').length, world.ledger('two').length], [2, 2]);
});

test('a file at the path for the older state is not overwritten, also by two rebuilds in one second', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await withOlderState(world);
  const taken = Array.from({ length: 120 }, (_, second) => {
    const stamp = new Date(Date.now() + second * 1_000).toISOString().replace(/[-:]|\.\d+/g, '');
    return `${world.statePath}.before-rebuild-${stamp}`;
  });
  for (const name of taken) writeFileSync(name, 'of an earlier rebuild');
  await rebuilt(world);
  for (const name of taken) assert.equal(readFileSync(name, 'utf8'), 'of an earlier rebuild');
  assert.ok(taken.some((name) => existsSync(`${name}-2`)));
  assert.equal(world.ledger().length, 2);
});

test('a state that was rebuilt for one of two feeds with the same manifests does not know the other one', async (t) => {
  const shared = mkdtempSync(join(tmpdir(), 'manifests-'));
  t.after(() => rmSync(shared, { recursive: true }));
  const world = createWorld(t, { feeds: { one: { manifests: shared }, two: { manifests: shared } }, options: AT_ONCE });
  for (const feed of ['one', 'two']) world.drop('first.csv', 100, { feed });
  await world.runOnce();
  loseState(world);
  const { feeds } = JSON.parse(readFileSync(world.configPath, 'utf8')) as { feeds: Record<string, unknown> };
  const alone = join(world.root, 'alone.yaml');
  writeFileSync(alone, JSON.stringify({ feeds: { one: feeds.one } }));
  const flags = world.flags('ingest').map((flag) => flag.replace(world.configPath, alone));
  assert.equal((await world.launch('ingest-ctl', ['rebuild', ...flags]).ended).code, 0);
  refused(await world.run('ingest', ['--once']), /does not know.*ingest-ctl rebuild/);
  await rebuilt(world);
  await world.runOnce();
  assert.deepEqual([world.ledger('one').length, world.ledger('two').length], [1, 1]);
});

test('a feed that was renamed in its folders and retired is in no rebuild any more', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  world.drop('first.csv', 100);
  await world.runOnce();
  const { input, warehouse, manifests } = world.feed();
  const config = join(world.root, 'renamed.json');
  const feeds = { renamed: { input, warehouse, manifests, 'stability-seconds': 0, 'quiet-ms': 0 } };
  writeFileSync(config, JSON.stringify({ 'state-path': world.statePath, feeds }));
  const run = async (command: string, ...args: string[]) => {
    const { code, stdout, stderr } = await world.launch(command, [...args, '--config', config]).ended;
    assert.equal(code, 0, stdout + stderr);
  };
  world.drop('second.csv', 200);
  await run('ingest', '--once');
  await run('ingest-ctl', 'retire', 'default');
  await run('ingest-ctl', 'rebuild');
  world.drop('third.csv', 300);
  await run('ingest', '--once');
  assert.equal(world.manifest().length, 3);
});
