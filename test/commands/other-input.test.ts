/**
 * An input that is not the one of before. Jobs name their files below the input: with another one they would be dropped as gone, and
 * the files would lie there unnoticed.
 */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { refused } from '../world/lost.js';
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
    /feed default has .*, where 1 of its files wait or are held/,
  );
  const config = join(world.root, 'renamed.json');
  const feeds = { renamed: { input, warehouse, manifests } };
  writeFileSync(config, JSON.stringify({ 'state-path': world.statePath, feeds }));
  const renamed = await world.launch('ingest', ['--config', config, '--once']).ended;
  refused(renamed, /--input of feed renamed is .*, but feed default has .*, where 1 of its files/);

  const moved = join(world.root, 'moved');
  renameSync(input, moved);
  const { code, stderr } = await withInput(world, moved);
  assert.equal(code, 4, stderr);
});

test('an input may be another one where none of its files waits', async (t) => {
  const world = createWorld(t, { options: QUICK });
  world.drop('a.csv', 500);
  await world.runOnce();
  const { code, stderr } = await withInput(world, directory(world, 'other'));
  assert.equal(code, 0, stderr);
});
