/**
 * Whose an output in the warehouse is, where several contents want its name for the same bytes: two feeds with one chain, in two
 * warehouses or in one, after a rebuild and after a prune.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { orders } from '../world/chains.js';
import type { Chain } from '../world/layout.js';
import { rebuiltFromBefore } from '../world/names-before.js';
import { alter } from '../world/state-by-hand.js';
import { createWorld, type World } from '../world/world.js';

const CHAIN: Chain = { format: 'csv', start: 'split', steps: { split: { by: 'country' } } };
const WHY = ['--reason', 'sent by mistake'];

/** Two feeds with one chain. */
function twoFeeds(t: TestContext, warehouse?: string): World {
  const options = { stabilitySeconds: 0, quietMs: 0, process: CHAIN };
  const plan = { options, ...(warehouse !== undefined && { warehouse }) };
  return createWorld(t, { feeds: { a: plan, b: plan } });
}

/** Two feeds that share a warehouse. */
function oneWarehouse(t: TestContext): World {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-owners-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return twoFeeds(t, join(folder, 'warehouse'));
}

async function ctl(world: World, args: readonly string[], code = 0): Promise<string> {
  const ended = await world.run('ingest-ctl', args);
  assert.equal(ended.code, code, `${args.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended.stdout + ended.stderr;
}

const lineOf = (world: World, feed: string) => world.manifest(feed).at(-1)!.record!;
const outputsOf = (world: World, feed: string): string[] =>
  lineOf(world, feed).outputs!.map(({ warehouse_path: path }) => path);
const pathsOf = (world: World, feed: string): string[] => [
  lineOf(world, feed).warehouse_path,
  ...outputsOf(world, feed),
];

async function withdrawn(world: World, feed: string): Promise<void> {
  await ctl(world, ['withdraw', lineOf(world, feed).ingest_id, ...WHY]);
  await world.runOnce();
}

async function drop(world: World, feed: string, text = orders('x', 8).text): Promise<void> {
  world.drop('orders.csv', text, { feed });
  await world.runOnce();
}

const agrees = (world: World): Promise<string> => ctl(world, ['audit', '--hash']);

/** The records of both are old enough. */
const aMinuteLater = (world: World): void => alter(world, 'UPDATE contents SET updated_at_ms = updated_at_ms - 60000');

function consumed(world: World, paths: readonly string[]): void {
  for (const [i, path] of paths.entries()) renameSync(path, join(world.root, `taken-${i}`));
}

/** Records of one feed alone. */
async function prunedAllBut(world: World, feed: string): Promise<void> {
  alter(world, `UPDATE contents SET updated_at_ms = updated_at_ms + 7200000 WHERE feed = '${feed}'`);
  assert.match(await ctl(world, ['prune', '--keep-history', '10s']), /the records of 1 contents forgotten/);
}

test('two feeds with two warehouses: the outputs of one are taken out, those of the other stay', async (t) => {
  const world = twoFeeds(t);
  await drop(world, 'a');
  await drop(world, 'b');
  const [ofA, ofB] = [pathsOf(world, 'a'), pathsOf(world, 'b')];
  await withdrawn(world, 'a');
  assert.deepEqual(ofA.filter(existsSync), []);
  assert.deepEqual(ofB.filter(existsSync), ofB);
  await agrees(world);
});

/** A consumer took the files of feed a, and then feed b brought the same bytes under the same name. Returns the paths of both. */
async function sameName(world: World): Promise<{ ofA: string[]; ofB: string[] }> {
  await drop(world, 'a');
  const ofA = pathsOf(world, 'a');
  consumed(world, ofA);
  aMinuteLater(world);
  await drop(world, 'b');
  aMinuteLater(world);
  return { ofA, ofB: pathsOf(world, 'b') };
}

test('one warehouse: names that a consumer emptied are not given again, and nobody takes the others out', async (t) => {
  const world = oneWarehouse(t);
  const { ofA, ofB } = await sameName(world);
  assert.deepEqual(
    ofB.filter((path) => ofA.includes(path)),
    [],
  );
  await withdrawn(world, 'a');
  assert.deepEqual(ofB.filter(existsSync), ofB);
  await withdrawn(world, 'b');
  assert.deepEqual(ofB.filter(existsSync), []);
});

test('one warehouse, lines of the version before, after a rebuild: only the youngest takes files out', async (t) => {
  const world = oneWarehouse(t);
  const paths = await sameName(world);
  await rebuiltFromBefore(world, 'b');
  await withdrawn(world, 'a');
  assert.deepEqual(paths.ofA.filter(existsSync), paths.ofA);
  await withdrawn(world, 'b');
  assert.deepEqual(paths.ofA.filter(existsSync), []);
});

test('one warehouse: the record of the youngest was pruned, and its files stay', async (t) => {
  const world = oneWarehouse(t);
  const { ofB } = await sameName(world);
  await prunedAllBut(world, 'a');
  await withdrawn(world, 'a');
  assert.deepEqual(ofB.filter(existsSync), ofB);
});

test('an audit misses the outputs of a pruned record', async (t) => {
  const world = twoFeeds(t);
  await drop(world, 'a');
  aMinuteLater(world);
  assert.match(await ctl(world, ['prune', '--keep-history', '10s']), /the records of 1 contents forgotten/);
  const [output] = outputsOf(world, 'a');
  await agrees(world);
  rmSync(output!);
  const said = await ctl(world, ['audit', '--hash'], 4);
  assert(said.includes(`file_missing        ${output}: it is not there`), said);
});

test('an audit finds an output of a withdrawn line, and the withdrawal that it advises takes it out', async (t) => {
  const world = twoFeeds(t);
  await drop(world, 'a');
  const [output] = outputsOf(world, 'a');
  const aside = join(world.root, 'aside');
  renameSync(output!, aside);
  await withdrawn(world, 'a');
  renameSync(aside, output!);
  const said = await ctl(world, ['audit', '--hash'], 4);
  assert(said.includes(`corrected_but_there ${output}:`), said);
  await ctl(world, ['withdraw', output!, ...WHY]);
  await world.runOnce();
  assert(!existsSync(output!));
  await agrees(world);
});
