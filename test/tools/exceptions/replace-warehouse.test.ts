/** A warehouse or manifests that are not those in which the stored files lie: refused, copied, or replaced; audit finds no difference then. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BY_COUNTRY, orders } from '../../world/chains.js';
import { editDatabase } from '../../world/database.js';
import { ctl } from '../../world/jobs.js';
import { refused, stoppedBefore } from '../../world/lost.js';
import { tmpfsMount } from '../../world/mounts.js';
import { ordinaryUser, skipUnlessReachable, skipUnlessRoot } from '../../world/users.js';
import { createWorld, type World } from '../../world/world.js';

async function storedWorld(t: TestContext): Promise<World> {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  for (const name of ['one.csv', 'two.csv']) world.drop(name, name);
  await world.runOnce();
  return world;
}

const runWith = (world: World, root: 'warehouse' | 'manifests', path: string) =>
  world.launch('ingest', [
    ...world.flags('ingest').map((flag) => (flag.startsWith(`--${root}=`) ? `--${root}=${path}` : flag)),
    '--once',
  ]).ended;

async function audited(world: World): Promise<void> {
  const { code, stdout } = await world.run('ingest-ctl', ['audit', '--hash']);
  assert.equal(code, 0, stdout);
}

function emptyDirectory(world: World, name: string): string {
  const path = join(world.root, name);
  mkdirSync(path);
  return path;
}

for (const root of ['warehouse', 'manifests'] as const) {
  test(`other ${root} than those of what is stored are refused, and taken as a copy with its marker`, async (t) => {
    const world = await storedWorld(t);
    const other = emptyDirectory(world, 'other');
    refused(
      await runWith(world, root, other),
      new RegExp(`--${root} of feed default was .*without the files of what is stored; copy them there`),
    );
    await audited(world);
    cpSync(world.feed()[root], other, { recursive: true, preserveTimestamps: true });
    rmSync(world.feed()[root], { recursive: true });
    world.drop('three.csv', 'three');
    const taken = await runWith(world, root, other);
    assert.equal(taken.code, 0, taken.stderr);
    await audited(world);
  });
}

test('an empty disk at the place of the warehouse is not written to until it replaces the former one', async (t) => {
  const world = await storedWorld(t);
  const { warehouse } = world.feed();
  renameSync(warehouse, join(world.root, 'broken disk'));
  mkdirSync(warehouse);
  mkdirSync(join(warehouse, 'lost+found'));
  world.drop('three.csv', 'three');
  world.start('ingest');
  assert.equal((await world.event('gate_closed')).code, 'no_marker');
  refused(await world.run('ingest-ctl', ['replace-warehouse', warehouse]), /is in use by a running ingestor/);
  await world.stop();
  const replaced = await world.run('ingest-ctl', ['replace-warehouse', warehouse]);
  assert.equal(replaced.code, 0, replaced.stderr);
  assert.match(replaced.stdout, /2 stored contents of default stay known, and their files are no longer looked for/);
  world.drop('again.csv', 'one.csv');
  await world.runOnce();
  assert.equal(world.manifest().length, 3, 'what was stored on the former disk is a duplicate');
  assert.equal(world.duplicates().length, 1);
  await audited(world);
  const again = await world.run('ingest-ctl', ['replace-warehouse', warehouse]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /is the warehouse that is in use, and has files/);
});

test('a file whose record was pruned before its warehouse was replaced is not missed, nor its outputs; a later one is', async (t) => {
  const options = { stabilitySeconds: 0, quietMs: 0, process: BY_COUNTRY };
  const world = createWorld(t, { feeds: { made: { options } } });
  world.drop('orders.csv', orders('a', 20).text);
  await world.runOnce();
  await ctl(world, 'prune', '--keep-history', '0d');
  // As on the day after.
  editDatabase(world.statePath, (db) => db.exec('DELETE FROM names'));
  const { warehouse } = world.feed();
  renameSync(warehouse, join(world.root, 'lost disk'));
  mkdirSync(warehouse);
  for (let times = 0; times < 2; times++) await ctl(world, 'replace-warehouse', warehouse);
  await audited(world);
  await world.runOnce();
  await audited(world);
  // Its line is of a later hour.
  editDatabase(world.statePath, (db) => db.exec('UPDATE warehouses SET replaced_at_ms = replaced_at_ms - 7200000'));
  const { stdout } = await world.run('ingest-ctl', ['audit']);
  assert.ok(stdout.match(/^file_missing/gm)!.length > 1, stdout);
});

test('a file whose line names the former disk is stored on the empty one, and can be withdrawn there', async (t) => {
  const world = await storedWorld(t);
  const { warehouse } = world.feed();
  await stoppedBefore(world, 'move', () => world.drop('late.csv', 'late'), 1);
  renameSync(warehouse, join(world.root, 'full disk'));
  mkdirSync(warehouse);
  for (let times = 0; times < 2; times++) await ctl(world, 'replace-warehouse', warehouse);
  await ctl(world, 'resume', 'move');
  await world.runOnce();
  const [late] = world.warehouse();
  assert.equal(world.warehouse().length, 1);
  await ctl(world, 'withdraw', late!.sha256, '--reason', 'wrong');
  await world.runOnce();
  assert.deepEqual(world.warehouse(), []);
  await audited(world);
});

test('outputs of a chain that were moved to the former disk are missing in the empty one: the file is held, not stored without them', async (t) => {
  if (skipUnlessRoot(t, 'a warehouse on a disk of its own')) return;
  const options = { stabilitySeconds: 0, quietMs: 0, process: BY_COUNTRY };
  const world = createWorld(t, { feeds: { made: { options } } });
  const { warehouse } = world.feed();
  const { text, made } = orders('replaced', 20);
  tmpfsMount(warehouse);
  await stoppedBefore(world, 'move', () => world.drop('a.csv', text), 1);
  // As a process leaves it that died between the outputs and the file.
  editDatabase(world.statePath, (db) => db.exec('UPDATE jobs SET interrupted = 1'));
  tmpfsMount(warehouse);
  await ctl(world, 'replace-warehouse', warehouse);
  await ctl(world, 'resume', 'move');
  const held = await world.run('ingest', ['--once']);
  assert.equal(held.code, 4, held.stderr);
  assert.deepEqual(
    world.jobs().map(({ hold_code }) => hold_code),
    ['output_missing'],
  );
  await ctl(world, 'discard', '--all');
  world.made.set(world.drop('b.csv', text).sha256, made);
  await world.runOnce();
  world.check();
});

test('--on-duplicate delete keeps a copy where another file of its size has the name of the stored one since', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0, onDuplicate: 'delete' } });
  world.drop('a.csv', 'first');
  await world.runOnce();
  const { warehouse } = world.feed();
  renameSync(warehouse, join(world.root, 'lost disk'));
  mkdirSync(warehouse);
  await ctl(world, 'replace-warehouse', warehouse);
  world.drop('a.csv', 'other');
  await world.runOnce();
  world.drop('b.csv', 'first');
  world.drop('c.csv', 'other');
  await world.runOnce();
  assert.deepEqual(
    world.duplicates().map(({ path }) => path.replace(/^.*~/, '')),
    ['b.csv'],
  );
});

test('an empty directory that cannot be written is refused, and no content is given up', async (t) => {
  if (skipUnlessReachable(t, ordinaryUser, 'a warehouse that cannot be written was not tested.')) return;
  const world = createWorld(t, { user: ordinaryUser });
  world.drop('one.csv', 'one');
  await world.runOnce();
  const other = emptyDirectory(world, 'other');
  chmodSync(other, 0o555);
  refused(await world.run('ingest-ctl', ['replace-warehouse', other]), /other cannot be used \(EACCES\)/);
  assert.deepEqual(
    world.ledger().map(({ state }) => state),
    ['stored'],
  );
});

test('a directory in another of the state, or around one, is refused before anything is changed', async (t) => {
  const world = await storedWorld(t);
  const { input, warehouse, manifests } = world.feed();
  const inInput = join(input, 'warehouse');
  mkdirSync(inInput);
  const inWarehouse = emptyDirectory(world, join('warehouse', 'inner'));
  assert.equal(dirname(inWarehouse), warehouse);
  for (const path of [inInput, inWarehouse, input, manifests]) {
    const { code, stderr } = await world.run('ingest-ctl', ['replace-warehouse', path]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^ingest-ctl: DIR \(.*(lie in one another|are the same directory)/);
  }
  await audited(world);
});

test('an empty directory under another path replaces it; one with files is refused', async (t) => {
  const world = await storedWorld(t);
  const full = emptyDirectory(world, 'full');
  mkdirSync(join(full, 'something'));
  const wrong = await world.run('ingest-ctl', ['replace-warehouse', full]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /must be empty, but it has "something"/);
  const other = emptyDirectory(world, 'other');
  const replaced = await world.run('ingest-ctl', ['replace-warehouse', other]);
  assert.equal(replaced.code, 0, replaced.stderr);
  world.drop('three.csv', 'three');
  const taken = await runWith(world, 'warehouse', other);
  assert.equal(taken.code, 0, taken.stderr);
  await audited(world);
});

interface Told {
  verdict: string;
  sentences: string[];
  release?: string;
}

async function explained(world: World, word: string): Promise<Told> {
  const { code, stdout, stderr } = await world.run('ingest-ctl', ['explain', word, '--json']);
  assert.equal(code, 0, stdout + stderr);
  const [told] = (JSON.parse(stdout) as { found: Told[] }).found;
  return told!;
}

test('explain says of a file in a replaced warehouse when that was, where the file lies and how it comes back', async (t) => {
  const world = await storedWorld(t);
  const { warehouse } = world.feed();
  const other = emptyDirectory(world, 'other');
  const one = world.manifest().find(({ record }) => record!.path.endsWith('one.csv'))!.record!.warehouse_path;
  const before = Date.now();
  assert.equal((await world.run('ingest-ctl', ['replace-warehouse', other])).code, 0);
  world.drop('three.csv', 'three');
  assert.equal((await runWith(world, 'warehouse', other)).code, 0);

  const told = await explained(world, join(world.input, 'one.csv'));
  const text = told.sentences.join(' ');
  assert.equal(told.verdict, 'stored');
  assert(told.sentences[0]!.includes(`It was stored as ${one}`), text);
  const [, replaced] =
    /replaced by an empty one at ([-\d]+ [:\d]+) UTC \(ingest-ctl replace-warehouse\)/.exec(text) ?? [];
  assert(Math.abs(Date.parse(`${replaced}Z`) - before) < 30_000, text);
  assert.doesNotMatch(text, /consumer/);
  assert(told.release?.includes(`cp -a ${one} `), told.release);
  assert.match(told.release!, /ingest-ctl allow-again [0-9a-f]{64} --reason/);
  assert.deepEqual(await explained(world, one), told, 'asked by the path that its line has');

  // A file that was stored after the replacement is not named as replaced.
  const three = await explained(world, join(world.input, 'three.csv'));
  assert.doesNotMatch(three.sentences.join(' '), /replaced/);

  const back = join(other, one.slice(warehouse.length));
  mkdirSync(dirname(back), { recursive: true });
  copyFileSync(one, back);
  const again = await explained(world, join(world.input, 'one.csv'));
  assert(again.sentences.includes(`A file lies at ${back} again.`), again.sentences.join(' '));
  assert.equal(again.release, undefined);
  await audited(world);
});

test('a file that was copied back from the former warehouse can be withdrawn, with its outputs', async (t) => {
  const options = { stabilitySeconds: 0, quietMs: 0, process: BY_COUNTRY };
  const world = createWorld(t, { feeds: { made: { options } } });
  const { sha256 } = world.drop('orders.csv', orders('a', 20).text);
  await world.runOnce();
  const former = world.feed().warehouse;
  const disk = join(world.root, 'former disk');
  renameSync(former, disk);
  mkdirSync(former);
  await ctl(world, 'replace-warehouse', former);
  const { stdout } = await world.run('ingest-ctl', ['explain', sha256]);
  assert.match(stdout, /copy/);
  cpSync(disk, former, { recursive: true, filter: (path) => !path.endsWith('.ingest-root') });
  await ctl(world, 'withdraw', sha256, '--reason', 'wrong');
  await world.runOnce();
  assert.deepEqual(world.warehouse(), []);
  assert.ok(world.failed().length > 1);
  await audited(world);
});
