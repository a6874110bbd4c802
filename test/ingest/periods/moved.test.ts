/** Roots that are copied to another path, with their markers: what is known of hours and days goes along. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setUpRoots } from '../../../src/ingest/upkeep/roots.js';
import type { Bench } from '../stages/bench.js';
import { benchIn, close, EAST, markers, rows, STAGES, states, through, WEST } from './rounds.js';

type Places = { manifests: string; warehouse: string };
const silent = (): void => {};

async function moveTo({ backend, world, feed }: Bench, places: Places, name = feed.options.name): Promise<void> {
  const options = { ...feed.options, ...places, name };
  const roots = await setUpRoots(backend, world.statePath, options, silent);
  await backend.putFeed(name, options);
  if (name === feed.options.name) Object.assign(feed, { options, roots });
}

function copied({ world, feed: { options } }: Bench): Places {
  const places = { manifests: join(world.root, 'manifests-2'), warehouse: join(world.root, 'warehouse-2') };
  for (const kind of ['manifests', 'warehouse'] as const)
    cpSync(options[kind], places[kind], { recursive: true, preserveTimestamps: true });
  return places;
}

async function marked(bench: Bench): Promise<void> {
  await bench.arrive(bench.world.drop('a.csv', 100));
  await through(bench, STAGES);
  await bench.reconfigure({ timezone: EAST });
  await close(bench);
  assert.equal(markers(bench).length, 2);
}

const takeAway = (bench: Bench): void => {
  for (const path of markers(bench)) rmSync(join(bench.world.root, path));
};
const below = (bench: Bench): string[] => rows(bench).map(({ folder }) => folder.slice(bench.world.root.length + 1));

test('a marker that a reader took away does not come again where its roots are moved to another path and back', async (t) => {
  const bench = await benchIn(t);
  await marked(bench);
  takeAway(bench);
  const before = rows(bench);
  const { manifests, warehouse } = bench.feed.options;
  await moveTo(bench, copied(bench));
  assert.deepEqual(await close(bench), []);
  assert.deepEqual([states(bench), markers(bench)], [['marked', 'marked'], []]);
  assert.deepEqual(
    below(bench).map((folder) => folder.split('/')[0]),
    ['manifests-2', 'warehouse-2'],
  );
  await moveTo(bench, { manifests, warehouse });
  assert.deepEqual(await close(bench), []);
  assert.deepEqual(rows(bench), before);
});

test('a marker that is owed comes at the new path', async (t) => {
  const bench = await benchIn(t);
  await bench.arrive(bench.world.drop('a.csv', 100));
  await through(bench, STAGES);
  await moveTo(bench, copied(bench));
  await bench.reconfigure({ timezone: EAST });
  assert.equal((await close(bench)).length, 2);
  assert.ok(markers(bench).every((path) => /^(manifests|warehouse)-2\//.test(path)));
  assert.ok(rows(bench).every(({ folder }) => existsSync(join(folder, '_SUCCESS'))));
});

test('a feed that shares the roots keeps what is known at the path of before, until it is moved too', async (t) => {
  const bench = await benchIn(t);
  const old = { manifests: bench.feed.options.manifests, warehouse: bench.feed.options.warehouse };
  await bench.reconfigure({ timezone: EAST });
  await moveTo(bench, old, 'sharing');
  await bench.reconfigure({ timezone: WEST });
  const ends = () => bench.backend.read((r) => r.all('SELECT file FROM manifest_ends'));
  await marked(bench);
  takeAway(bench);
  const places = copied(bench);
  await moveTo(bench, places);
  assert.deepEqual(states(bench), ['marked', 'marked', 'marked', 'marked']);
  assert.equal(ends().length, 2);
  await bench.backend.transact((tx) =>
    tx.run(
      "UPDATE periods SET state = 'closed' WHERE folder >= ? AND folder < ?",
      `${old.manifests}/`,
      `${old.manifests}0`,
    ),
  );
  await moveTo(bench, places, 'sharing');
  assert.deepEqual(
    below(bench).map((folder) => folder.split('/')[0]),
    ['manifests-2', 'warehouse-2'],
  );
  assert.deepEqual([states(bench), ends().length], [['marked', 'marked'], 1], 'the rows of the first one are of now');
  assert.deepEqual([await close(bench), markers(bench)], [[], []]);
});
