/**
 * An input that is not the one of before. Jobs name their files below the input: with another one they would be dropped as gone, and
 * the files would lie there unnoticed.
 */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { refused } from '../world/lost.js';
import { tmpfsMount, unmount } from '../world/mounts.js';
import { skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const QUICK = { stabilitySeconds: 0, quietMs: 0 };

const withInput = (world: World, input: string) =>
  world.launch('ingest', [
    ...world.flags('ingest').map((flag) => (flag.startsWith('--input=') ? `--input=${input}` : flag)),
    '--once',
  ]).ended;

function directory(world: World, name: string): string {
  const path = join(world.root, name);
  mkdirSync(path);
  return path;
}

test('a second ingest with another input of the same feed is refused, and the running one goes on', async (t) => {
  const world = createWorld(t, { options: QUICK });
  world.start('ingest');
  await world.isStored(world.drop('a.csv', 500));
  const second = await withInput(world, directory(world, 'second'));
  refused(second, /a running producer watches .* for feed default; stop it first/);
  await world.isStored(world.drop('b.csv', 600));
  await world.stop();
  world.check();
});

test('a held file: another input, or another name for the feed, is refused; an input that was moved is the same', async (t) => {
  const world = createWorld(t, { options: { ...QUICK, maxBytes: 1_000 } });
  world.drop('large.csv', 2_000);
  await world.runOnce([], { code: 4 });
  const { input, warehouse, manifests } = world.feed();
  refused(
    await withInput(world, directory(world, 'other')),
    /feed default has .*, where files wait or are held \(large\.csv\)/,
  );
  const config = join(world.root, 'renamed.json');
  const feeds = { renamed: { input, warehouse, manifests } };
  writeFileSync(config, JSON.stringify({ 'state-path': world.statePath, feeds }));
  const renamed = await world.launch('ingest', ['--config', config, '--once']).ended;
  refused(renamed, /--input of feed renamed is .*, but feed default has .*, where files wait/);

  const moved = join(world.root, 'moved');
  renameSync(input, moved);
  const { code, stderr } = await withInput(world, moved);
  assert.equal(code, 4, stderr);
});

test('a feed that was renamed goes on under its new name, beside what the old one left, until it is retired', async (t) => {
  const options = { ...QUICK, mode: 'sidecar' };
  const world = createWorld(t, { options });
  world.held.add(world.drop('wrong.csv', 400).sha256);
  world.sidecar('wrong.csv', `${'0'.repeat(64)}  wrong.csv\n`);
  world.drop('a.csv', 500);
  world.sidecar('a.csv');
  await world.runOnce([], { code: 4 });
  assert.deepEqual(
    world
      .jobs()
      .map(({ state }) => state)
      .sort(),
    ['done', 'held'],
  );
  const { input, warehouse, manifests } = world.feed();
  const config = join(world.root, 'renamed.json');
  const feeds = { renamed: { input, warehouse, manifests, mode: 'sidecar', 'stability-seconds': 0, 'quiet-ms': 0 } };
  writeFileSync(config, JSON.stringify({ 'state-path': world.statePath, feeds }));
  const service = world.launch('ingest', ['--config', config]);
  for (const name of ['b.csv', 'c.csv']) {
    world.drop(name, 600 + name.charCodeAt(0));
    world.sidecar(name);
    await world.event('file_ingested', ({ path, feed }) => feed === 'renamed' && String(path).endsWith(name));
  }
  const all = ['--config', config];
  assert.equal((await world.launch('ingest-ctl', ['discard', '--all', ...all]).ended).code, 0);
  await until('the old name has no file left', () => world.jobs('default').every(({ state }) => state === 'done'));
  assert.equal((await world.launch('ingest-ctl', ['retire', 'default', ...all]).ended).code, 0);
  world.drop('d.csv', 900);
  world.sidecar('d.csv');
  await world.event('file_ingested', ({ path }) => String(path).endsWith('d.csv'));
  assert.ok(service.running, service.tail());
  await service.stop();
});

test('a file that is gone keeps no other input away', async (t) => {
  const world = createWorld(t, { options: { ...QUICK, mode: 'sidecar' } });
  world.drop('waits.csv', 500);
  await world.runOnce();
  assert.deepEqual(
    world.jobs().map(({ state }) => state),
    ['ready'],
  );
  rmSync(join(world.input, 'waits.csv'));
  const { code, stderr } = await withInput(world, directory(world, 'other'));
  assert.equal(code, 0, stderr);
});

test('an input whose disk is away is not taken for an empty one', async (t) => {
  if (skipUnlessRoot(t, 'a mount as an input')) return;
  const world = createWorld(t, { options: { ...QUICK, mode: 'sidecar' } });
  tmpfsMount(world.input);
  world.drop('waits.csv', 500);
  await world.runOnce();
  unmount(world.input);
  refused(await withInput(world, directory(world, 'other')), /where files wait or are held \(waits\.csv\)/);
});

test('a file that is sealed in a mount below the input keeps it, also where --work-dir lies elsewhere', async (t) => {
  if (skipUnlessRoot(t, 'mounts below an input')) return;
  const world = createWorld(t, { options: QUICK });
  const given = ['--work-dir', directory(world, 'work')];
  await world.runOnce(given);
  const mount = tmpfsMount(join(world.input, 'mount'));
  assert.equal((await world.run('ingest-ctl', ['pause', 'hash'])).code, 0);
  world.drop('mount/a.csv', 500);
  const program = world.start('ingest', given);
  await world.event('file_ready', ({ path }) => String(path) === join(mount, 'a.csv'));
  await program.stop();
  const other = [`--input=${directory(world, 'other')}`, ...given, '--once'];
  const flags = world.flags('ingest').filter((flag) => !flag.startsWith('--input='));
  refused(await world.launch('ingest', [...flags, ...other]).ended, /where files wait or are held \(mount\/a\.csv\)/);
});

test('a disk that is mounted at the input gets a work directory of its own', async (t) => {
  if (skipUnlessRoot(t, 'a mount as an input')) return;
  const world = createWorld(t, { options: QUICK });
  world.drop('a.csv', 500);
  await world.runOnce();
  tmpfsMount(world.input);
  world.drop('b.csv', 600);
  await world.runOnce();
  await world.stored(2);
  assert.deepEqual(world.log.named('file_held'), []);
});

test('an input may be another one where none of its files waits', async (t) => {
  const world = createWorld(t, { options: QUICK });
  world.drop('a.csv', 500);
  await world.runOnce();
  const { code, stderr } = await withInput(world, directory(world, 'other'));
  assert.equal(code, 0, stderr);
});
