/** The folders of files that go through a chain: who takes all files of a day gets each record once. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { BY_COUNTRY, changeChain, orders } from '../world/chains.js';
import { heldMove } from '../world/held-move.js';
import type { Chain } from '../world/layout.js';
import { PACKAGE } from '../world/program.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const QUICK = { stabilitySeconds: 0, quietMs: 0 };
/** A day that has begun in the far west is over in the far east: days end without a wait. */
const WEST = ['--success-markers', '--timezone', 'Etc/GMT+12'];
const EAST = ['--success-markers', '--timezone', 'Etc/GMT-14'];
const CHECK = { columns: { amount: 'number' } };

const chainOf = (steps: Chain['steps'], more: Partial<Chain> = {}): Chain => ({
  format: 'csv',
  start: 'check',
  steps,
  ...more,
});

/** The paths of a feed's files below its warehouse, without the date. */
const pathsOf = (world: World, feed: string): string[] =>
  world
    .warehouse(feed)
    .map(({ path }) => path.replace(/=[\d-]+/, '=D'))
    .sort();

const markersOf = (world: World): string[] =>
  readdirSync(world.feed('made').warehouse, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('_SUCCESS'))
    .map((path) => path.replace(/=[\d-]+/, '=D'));

test('the day has either the file or its outputs, by what the chain can write', async (t) => {
  const chains = {
    none: undefined,
    checks: chainOf({ check: { ...CHECK, else: 'other' }, other: { use: 'check' } }),
    rejects: chainOf({ check: { ...CHECK, else: 'reject' } }),
    drops: undefined,
  };
  const feeds = Object.keys(chains);
  const world = createWorld(t, {
    feeds: Object.fromEntries(
      Object.entries(chains).map(([name, chain]) => [name, { options: { ...QUICK, process: chain } }]),
    ),
  });
  const module = join(world.root, 'drop.mjs');
  writeFileSync(module, 'export default () => ({ route() {} });');
  changeChain(world, 'drops', chainOf({}, { start: 'route', module }));
  for (const feed of feeds) world.drop('a.csv', orders(feed, 20).text, { feed });
  await world.runOnce();
  world.check();
  assert.deepEqual(Object.fromEntries(feeds.map((feed) => [feed, pathsOf(world, feed)])), {
    none: ['ingest_date=D/a.csv'],
    checks: ['ingest_date=D/a.csv'],
    rejects: ['_rejects/ingest_date=D/a.reject.csv', 'ingest_date=D/a.csv'],
    drops: ['_originals/ingest_date=D/a.csv'],
  });
});

test('the example redact-email leaves no address where readers look', async (t) => {
  const world = createWorld(t, { feeds: { made: { options: QUICK } } });
  const chain = parse(readFileSync(join(PACKAGE, 'ops/examples/redact-email.yaml'), 'utf8')) as Chain;
  changeChain(world, 'made', { ...chain, module: join(PACKAGE, 'ops/examples/redact-email.mjs') });
  const sample = readFileSync(join(PACKAGE, 'ops/examples/orders.csv'), 'utf8');
  world.drop('orders.csv', sample);
  await world.runOnce();
  world.check();
  const { warehouse } = world.feed('made');
  const addressesIn = (paths: readonly string[]) =>
    paths.filter((path) => /\w@\w/.test(readFileSync(join(warehouse, path), 'utf8')));
  const paths = world.warehouse('made').map(({ path }) => path as string);
  const isOfDay = (path: string) => path.startsWith('ingest_date=');
  const read = paths.filter(isOfDay).map((path) => path.replace(/.*\//, ''));
  assert.deepEqual(read.sort(), ['orders.redacted.csv', 'orders.sums.csv']);
  assert.deepEqual(addressesIn(paths.filter(isOfDay)), []);
  assert.equal(addressesIn(paths.filter((path) => !isOfDay(path))).length, 2, 'the original and a rejected record');
});

test('a file that was processed before the chain was taken away lies with the originals', async (t) => {
  const world = createWorld(t, { feeds: { made: { options: { ...QUICK, process: BY_COUNTRY } } } });
  const program = world.start('ingest');
  await world.event('worker_started');
  await world.run('ingest-ctl', ['pause', 'manifest']);
  const { sha256 } = world.drop('a.csv', orders('a', 20).text, { how: 'rename' });
  world.made.set(sha256, orders('a', 20).made);
  await until('it waits for manifest', () => world.jobs('made').some(({ stage }) => stage === 'manifest'));
  await program.stop();
  changeChain(world, 'made', undefined);
  await world.run('ingest-ctl', ['resume', 'manifest']);
  await world.runOnce();
  world.check();
  assert.ok(pathsOf(world, 'made').includes('_originals/ingest_date=D/a.csv'));
});

test('_SUCCESS stands in the day of readers, and waits for outputs, rejects and originals', async (t) => {
  const world = createWorld(t, { feeds: { made: { options: { ...QUICK, process: BY_COUNTRY } } } });
  world.start('ingest', WEST);
  await world.event('worker_started');
  const target = await heldMove(world, orders('held', 20).text);
  assert.match(target, /\/_originals\/ingest_date=/);
  world.drop('b.csv', orders('b', 20).text, { how: 'rename' });
  await until('b.csv is stored', () => world.log.named('file_ingested').length > 0);
  await world.stop();
  await world.runOnce(EAST, { code: 4 });
  assert.deepEqual(markersOf(world), []);
  rmSync(target);
  await world.run('ingest-ctl', ['retry', '--all']);
  // The first run stores the file, the next one writes the marker.
  for (let run = 0; run < 2; run++) await world.runOnce(EAST);
  assert.deepEqual(markersOf(world), ['ingest_date=D/_SUCCESS']);
});

test('a day whose chain wrote nothing for readers gets its marker too', async (t) => {
  const world = createWorld(t, { feeds: { made: { options: { ...QUICK, process: BY_COUNTRY } } } });
  world.drop('empty.csv', 'id,country,amount\n');
  await world.runOnce(WEST);
  await world.runOnce(EAST);
  assert.deepEqual(pathsOf(world, 'made'), ['_originals/ingest_date=D/empty.csv']);
  assert.deepEqual(markersOf(world), ['ingest_date=D/_SUCCESS']);
});

for (const name of ['_originals', '_rejects', 'ingest_date=D'])
  test(`a file with the name of the folder ${name} closes the warehouse and holds no file`, async (t) => {
    const world = createWorld(t, { feeds: { made: { options: { ...QUICK, process: BY_COUNTRY } } } });
    const { warehouse } = world.feed('made');
    world.start('ingest', WEST);
    await world.event('worker_started');
    const today = new Date(Date.now() - 12 * 3_600_000).toISOString().slice(0, 10);
    const inTheWay = join(warehouse, name.replace('=D', `=${today}`));
    writeFileSync(inTheWay, 'of somebody else');
    for (const mark of ['a', 'b']) {
      const { text, made } = orders(mark, 20);
      world.made.set(world.drop(`${mark}.csv`, text, { how: 'rename' }).sha256, made);
    }
    const reason = `the warehouse ${inTheWay} is not a directory any more: put the directory back`;
    await until('the gate', () => world.gates('made').some((gate) => gate.reason === reason));
    assert.deepEqual(
      world.jobs('made').filter(({ state }) => state === 'held'),
      [],
    );
    rmSync(inTheWay);
    mkdirSync(inTheWay);
    await world.allDroppedDone();
    await world.stop();
    world.check();
  });

test('a warehouse inside the warehouse of another feed is refused', async (t) => {
  const world = createWorld(t, { feeds: { made: { options: QUICK } } });
  await world.runOnce();
  const { warehouse } = world.feed('made');
  const folders = ['input', 'manifests'].map((name) => join(world.root, `other-${name}`));
  const inner = join(warehouse, '_originals');
  for (const folder of [...folders, inner]) mkdirSync(folder);
  const config = join(world.root, 'other.yaml');
  const [input, manifests] = folders;
  writeFileSync(config, JSON.stringify({ feeds: { other: { input, manifests, warehouse: inner } } }));
  const ended = await world.launch('ingest', ['--config', config, '--state-path', world.statePath, '--once']).ended;
  assert.equal(ended.code, 2, ended.stdout + ended.stderr);
  assert.match(ended.stderr, /--warehouse of feed other \(.*_originals\) and that of feed made .* lie in one another/);
});
