/** Files that go through a chain, by the commands as a user types them: outputs once, where readers look, in its line. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BY_COUNTRY, broken, changeChain, orders } from '../world/chains.js';
import type { Chain } from '../world/layout.js';
import { createWorld, type World } from '../world/world.js';

const QUICK = { stabilitySeconds: 0, quietMs: 0 };

/** Two feeds: one with a chain, one without. */
const worldOf = (t: Parameters<typeof createWorld>[0], chain: Chain = BY_COUNTRY): World =>
  createWorld(t, { feeds: { made: { options: { ...QUICK, process: chain } }, plain: { options: QUICK } } });

function dropOrders(world: World, name: string, mark: string, n = 50): void {
  const { text, made } = orders(mark, n);
  world.made.set(world.drop(name, text, { feed: 'made' }).sha256, made);
}

test('a file is checked and split: readers find its outputs in the day, and its line lists them', async (t) => {
  const world = worldOf(t);
  for (const name of ['a.csv', 'b.csv', 'c.csv.x']) dropOrders(world, name, name);
  world.drop('plain.csv', 100, { feed: 'plain' });
  await world.runOnce();
  world.check();
  assert.equal(world.manifest('made').length, 3);
  const { record } = world.manifest('made')[0]!;
  assert.deepEqual([record!.rows, record!.rejected, record!.columns], [50, 5, 3]);
  assert.deepEqual(
    record!.outputs!.map(({ tag, rows }) => `${tag} ${rows}`),
    ['DE 25', 'FR 20', 'reject 5'],
  );
  const first = world.log.named('file_processed').map(({ first_rejected: why }) => why);
  for (const why of first) assert.match(String(why), /^[abc]\.csv(?:\.x)?, line \d+: amount is not a number: /);
  assert.equal(first.length, 3);
  const paths = world.warehouse('made').map(({ path }) => path.replace(/=.*\//, '=D/'));
  assert.deepEqual(paths.filter((path) => path.includes('/a.')).sort(), [
    '_originals/ingest_date=D/a.csv',
    '_rejects/ingest_date=D/a.reject.csv',
    'ingest_date=D/a.DE.csv',
    'ingest_date=D/a.FR.csv',
  ]);
});

test('equal bytes are processed once, and names that are taken get one number together', async (t) => {
  const world = worldOf(t);
  dropOrders(world, 'x/same.csv', 'x');
  dropOrders(world, 'y/same.csv', 'y');
  dropOrders(world, 'twin.csv', 'x');
  await world.runOnce();
  world.check();
  const names = world.warehouse('made').map(({ path }) => path.replace(/^.*\//, ''));
  const numbered = names.filter((name) => name.includes('~2')).sort();
  assert.equal(names.length, 8);
  assert.deepEqual(
    numbered,
    ['same~2.DE.csv', 'same~2.FR.csv', 'same~2.csv', 'same~2.reject.csv'].filter((name) => names.includes(name)),
  );
  assert.equal(numbered.length === 4 || names.some((name) => name.startsWith('twin')), true);
});

test('a file that the chain refuses is held with its sentence; after the rule is changed, a retry stores it', async (t) => {
  const world = worldOf(t);
  const { sha256 } = world.drop('broken.csv', broken('a'), { feed: 'made' });
  world.drop('twin-of-broken.csv', broken('a'), { feed: 'made' });
  world.held.add(sha256);
  await world.runOnce([], { code: 4 });
  world.check();
  const held = world.jobs('made').find(({ state }) => state === 'held')!;
  assert.equal(held.hold_code, 'header_differs');
  assert.match(held.reason!, /broken\.csv.*land/);
  changeChain(world, 'made', { format: 'csv', start: 'check', steps: { check: { columns: { amount: 'number' } } } });
  world.held.clear();
  await world.run('ingest-ctl', ['retry', held.id]);
  await world.runOnce();
  world.check();
  assert.equal(world.manifest('made')[0]!.record!.rows, 1);
});

test('a module is a chain too; what it prints is in the log', async (t) => {
  const world = createWorld(t, { feeds: { made: { options: QUICK } } });
  const module = join(world.root, 'orders.mjs');
  writeFileSync(
    module,
    `export default (file) => {
      let sum = 0;
      console.log('begin', file.name);
      return {
        route(record, emit) { sum += Number(record.amount); emit(record.country, record); },
        end(emit) { emit('summary', { sum }); },
      };
    };`,
  );
  changeChain(world, 'made', { format: 'csv', start: 'route', steps: {}, module });
  const text = 'id,country,amount\n1,DE,2\n2,FR,40\n';
  world.drop('a.csv', text, { feed: 'made' });
  await world.runOnce();
  const outputs = world.manifest('made')[0]!.record!.outputs!;
  const contents = outputs.map(({ tag, warehouse_path: path }) => [tag, readFileSync(path, 'utf8')]);
  assert.deepEqual(contents, [
    ['DE', 'id,country,amount\n1,DE,2\n'],
    ['FR', 'id,country,amount\n2,FR,40\n'],
    ['summary', 'sum\n42\n'],
  ]);
  assert.match(String(world.log.named('process_printed')[0]?.text), /begin .*a\.csv/);
});
