/**
 * Files that a rename cannot take out of their folder: those in a subvolume go through it as through a mount; what no
 * second try would change is held at the first one, with what to do.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loseState, rebuilt } from '../world/lost.js';
import { bindMount, canMake, loopMount } from '../world/mounts.js';
import { skipUnlessRoot } from '../world/users.js';
import { createWorld } from '../world/world.js';

function btrfs(t: TestContext): boolean {
  if (skipUnlessRoot(t, 'subvolumes of btrfs')) return false;
  if (canMake('btrfs')) return true;
  t.skip('no mkfs.btrfs: subvolumes were not tested');
  return false;
}

const makeSubvolume = (path: string): void =>
  void execFileSync('btrfs', ['subvolume', 'create', path], { stdio: ['ignore', 'ignore', 'pipe'] });

test('an input that is a subvolume, and one below it: each file is sealed in its own and stored', async (t) => {
  if (!btrfs(t)) return;
  const world = createWorld(t);
  const disk = loopMount(join(world.root, 'disk'), { type: 'btrfs' });
  for (const place of ['input', 'input/below']) makeSubvolume(join(disk, place));
  // A mount of the subvolume would be no test.
  const { input } = world.feed();
  rmdirSync(input);
  symlinkSync(join(disk, 'input'), input);
  const stored = ['a.csv', 'below/b.csv', 'below/deeper/c.csv'].map((name, i) => {
    mkdirSync(join(input, name, '..'), { recursive: true });
    return world.drop(name, 500 + i);
  });
  await world.runOnce();
  assert.equal(world.manifest().length, stored.length);
  assert.deepEqual(world.log.named('file_held'), []);
  assert.deepEqual(readdirSync(join(input, 'below/.ingest/underprocess')), []);
});

test('a snapshot below the input that is read-only delays no other file, and its own wait with the reason', async (t) => {
  if (!btrfs(t)) return;
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  const disk = loopMount(join(world.root, 'disk'), { type: 'btrfs' });
  for (const place of ['source', 'input']) makeSubvolume(join(disk, place));
  const { input } = world.feed();
  rmdirSync(input);
  symlinkSync(join(disk, 'input'), input);
  writeFileSync(join(disk, 'source', 'inside.csv'), 'inside');
  execFileSync('btrfs', ['subvolume', 'snapshot', '-r', join(disk, 'source'), join(disk, 'input', 'snapshot')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  world.start('ingest');
  const waits = await world.event('mount_missing');
  assert.match(String(waits.reason), /\/snapshot is on a read-only filesystem/);
  await world.isStored(world.drop('beside.csv', 600));
  assert.deepEqual(world.gates(), []);
  const { stdout } = await world.run('ingest-ctl', ['explain', join(input, 'snapshot', 'inside.csv')]);
  assert.match(stdout, /has snapshot\/inside\.csv is not mounted, is full or read-only, or fails/);
  await world.stop();
});

test('an immutable sidecar is named, and not the folder of its file', async (t) => {
  if (skipUnlessRoot(t, 'immutable files')) return;
  const world = createWorld(t, { options: { mode: 'sidecar', stabilitySeconds: 0, quietMs: 0 } });
  world.held.add(world.drop('a.csv', 500).sha256);
  const sidecar = join(world.input, 'a.csv.ok');
  writeFileSync(sidecar, '');
  execFileSync('chattr', ['+i', sidecar]);
  try {
    await world.runOnce([], { code: 4 });
    const held = await world.event('file_held');
    assert.equal(held.code, 'immovable');
    assert.match(String(held.reason), /^the sidecar .*\/a\.csv\.ok is immutable, .*chattr -i it$/);
  } finally {
    execFileSync('chattr', ['-i', sidecar]);
  }
});

test('a sidecar that was sealed in a mount counts for the file that a chmod lets go on there', async (t) => {
  if (skipUnlessRoot(t, 'immutable files')) return;
  const world = createWorld(t, { options: { mode: 'sidecar', stabilitySeconds: 0, quietMs: 0 } });
  const mount = bindMount(loopMount(join(world.root, 'disk')), join(world.input, 'mount'));
  world.drop('mount/a.csv', 500);
  world.sidecar('mount/a.csv');
  const file = join(mount, 'a.csv');
  execFileSync('chattr', ['+i', file]);
  await world.runOnce([], { code: 4 });
  assert.equal((await world.event('file_held')).code, 'immovable');
  assert.ok(!existsSync(`${file}.ok`), 'its sidecar was sealed');
  execFileSync('chattr', ['-i', file]);
  chmodSync(file, 0o640);
  await world.runOnce();
  await world.stored(1);
  world.check();
});

test('what was sealed in a subvolume is found by a rebuild, and seen by an audit', async (t) => {
  if (!btrfs(t)) return;
  const world = createWorld(t);
  loopMount(world.input, { type: 'btrfs' });
  makeSubvolume(join(world.input, 'below'));
  world.drop('below/a.csv', 500);
  await world.runOnce();
  world.drop('below/b.csv', 600);
  assert.equal((await world.run('ingest-ctl', ['pause', 'manifest'])).code, 0);
  const program = world.start('ingest');
  await world.event('file_ready', ({ path }) => String(path).endsWith('b.csv'));
  program.killAll();
  await program.ended;
  loseState(world);
  await rebuilt(world);
  await world.runOnce();
  assert.deepEqual(
    world.manifest().map(({ record }) => record!.size),
    [500, 600],
  );
  const audited = await world.run('ingest-ctl', ['audit']);
  assert.equal(audited.code, 0, audited.stdout);
});

/** The sentence for each hindrance, and the commands that begin and end it. */
const HINDRANCES: [about: string, name: string, sentence: RegExp, begin: string[], end: string[]][] = [
  [
    'a mount',
    'a.csv',
    /a\.csv is a mount of its own.*umount/,
    ['mount', '--bind', 'MOUNTED', 'a.csv'],
    ['umount', 'a.csv'],
  ],
  [
    'immutable',
    'b.csv',
    /the file .*b\.csv is immutable.*chattr -i/,
    ['chattr', '+i', 'b.csv'],
    ['chattr', '-i', 'b.csv'],
  ],
  [
    'in a folder',
    'd/c.csv',
    /the folder .*\/d is append-only.*chattr -a/,
    ['chattr', '+a', 'd'],
    ['chattr', '-a', 'd'],
  ],
];

test('a file that was discarded while nothing could move it goes to failed/ when it can be moved', async (t) => {
  if (skipUnlessRoot(t, 'attributes of files')) return;
  const world = createWorld(t, { options: { mode: 'sidecar' } });
  loopMount(world.input);
  world.drop('a.csv', 500);
  world.sidecar('a.csv');
  const chattr = (attribute: string) => execFileSync('chattr', [attribute, 'a.csv'], { cwd: world.input });
  chattr('+i');
  await world.runOnce([], { code: 4 });
  const { id } = world.jobs()[0]!;
  assert.equal((await world.run('ingest-ctl', ['discard', id])).code, 0);
  await world.runOnce([], { code: 4 });
  assert(existsSync(join(world.input, 'a.csv')));

  // The sentence of its hold says so. It changes the ctime of the file, so the producer offers it as changed.
  chattr('-i');
  await world.runOnce();
  assert(!existsSync(join(world.input, 'a.csv')));
  assert.equal(world.jobs()[0]!.ending, 'discarded');
  const given = world.failed().map(({ path }) => path.replace(/^[0-9A-Z]+/, ''));
  assert.deepEqual(given.sort(), ['.ok~a.csv', '~a.csv'], 'with its sidecar');
  assert.equal(world.manifest().length, 0);
});

test('a file that could not be moved after its sidecar goes on with it, by a retry or by itself', async (t) => {
  if (skipUnlessRoot(t, 'attributes of files')) return;
  // The window shows what a run makes of a file that waits with its sidecar sealed.
  const world = createWorld(t, { options: { mode: 'sidecar', stabilitySeconds: 2 } });
  loopMount(world.input);
  for (const [name, retries] of [
    ['by-retry.csv', true],
    ['by-itself.csv', false],
  ] as const) {
    const dropped = world.drop(name, 500);
    world.sidecar(name, dropped.sha256);
    const chattr = (attribute: string) => execFileSync('chattr', [attribute, name], { cwd: world.input });
    chattr('+i');
    await world.runOnce([], { code: 4 });
    assert(!existsSync(join(world.input, `${name}.ok`)), 'its sidecar is moved first');
    chattr('-i');
    if (retries) {
      assert.equal((await world.run('ingest-ctl', ['retry', '--all'])).code, 0);
      const { stdout } = await world.run('ingest-ctl', ['explain', join(world.input, name)]);
      assert.match(stdout, /It has to stay unchanged for 2/);
    }
    await world.runOnce();
    assert(!existsSync(join(world.input, name)), name);
  }
  assert.equal(world.manifest().length, 2);
  assert.deepEqual(world.failed(), []);
});

test('a file that is mounted, or has an attribute of chattr, is held at once with what to do', async (t) => {
  if (skipUnlessRoot(t, 'mounted files and attributes of files')) return;
  const world = createWorld(t);
  loopMount(world.input);
  const run = ([command, ...args]: string[]) =>
    execFileSync(
      command!,
      args.map((arg) => arg.replace('MOUNTED', join(world.root, 'mounted'))),
      { cwd: world.input },
    );
  writeFileSync(join(world.root, 'mounted'), 'mounted');
  for (const [, name, , begin] of HINDRANCES) {
    world.drop(name, 500 + name.length);
    run(begin);
  }
  await world.runOnce([], { code: 4 });
  for (const [about, name, sentence] of HINDRANCES) {
    const held = await world.event('file_held', ({ path }) => String(path).endsWith(name));
    assert.equal(held.code, 'immovable', about);
    assert.match(String(held.reason), sentence);
  }
  assert(
    world.jobs().every(({ attempts }) => attempts <= 1),
    'nothing is tried again',
  );
  for (const [, , , , end] of HINDRANCES) run(end);
  assert.equal((await world.run('ingest-ctl', ['retry', '--all'])).code, 0);
  await world.runOnce();
  assert.equal(world.manifest().length, HINDRANCES.length);
});
