/** Lost and older states of feeds with a chain: `rebuild` reads the outputs from the lines, and completes work that was under way. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { BY_COUNTRY, orders } from '../world/chains.js';
import { contents } from '../world/dropping.js';
import { heldMove } from '../world/held-move.js';
import { backedUp, dropAgain, loseState, rebuilt, restore } from '../world/lost.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const SEED = process.env.SEED ?? String(Date.now());
const ROUNDS = Number(process.env.ROUNDS ?? 6);
const QUICK = { stabilitySeconds: 0, quietMs: 0, process: BY_COUNTRY };

const worldOf = (t: TestContext): World => createWorld(t, { seed: SEED, feeds: { made: { options: QUICK } } });

function dropOrders(world: World, mark: string, n = 50): void {
  const { text, made } = orders(mark, n);
  world.made.set(world.drop(`${mark}.csv`, text).sha256, made);
}

async function audited(world: World): Promise<void> {
  const { code, stdout, stderr } = await world.run('ingest-ctl', ['audit', '--hash']);
  assert.equal(code, 0, stdout + stderr);
}

const outputsIn = (world: World): unknown[] =>
  world.manifest().flatMap(({ record }) => record?.outputs?.map(({ tag, sha256 }) => [record.ingest_id, tag, sha256]));

test('a lost state is rebuilt with all outputs; the same bytes are a duplicate', async (t) => {
  const world = worldOf(t);
  for (const mark of ['a', 'b', 'c']) dropOrders(world, mark);
  await world.runOnce();
  const before = outputsIn(world);
  loseState(world);
  await rebuilt(world);
  await audited(world);
  dropAgain(world);
  await world.runOnce();
  world.check();
  await audited(world);
  assert.deepEqual(outputsIn(world), before);
});

test('audit names an output that is missing, one with other bytes, and a line that was edited', async (t) => {
  const world = worldOf(t);
  for (const mark of ['a', 'b']) dropOrders(world, mark);
  await world.runOnce();
  const [gone, changed] = world.manifest().map(({ record }) => record!.outputs![0]!.warehouse_path) as [string, string];
  unlinkSync(gone);
  writeFileSync(changed, `${readFileSync(changed, 'utf8').slice(0, -2)}X\n`);
  const { code, stdout } = await world.run('ingest-ctl', ['audit', '--hash']);
  assert.equal(code, 4);
  assert.match(stdout, new RegExp(`file_missing.*${gone}`));
  assert.match(stdout, new RegExp(`wrong_bytes.*${changed}`));
});

test('states that are lost at any moment of the way: nothing is lost or twice', async (t) => {
  t.diagnostic(`SEED=${SEED}`);
  const world = worldOf(t);
  const draw = contents(SEED);
  const below = (n: number) => draw(4).readUInt32LE() % n;
  const found = { tmp: 0, lines: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const copy = below(2) === 0 && round > 0 ? backedUp(world) : undefined;
    for (let n = 0; n < 8; n++) dropOrders(world, `${round}-${n}`, 20 + below(300));
    const program = world.start('ingest', ['--concurrency', '2']);
    const lines = world.manifest().length;
    const looks = below(20);
    let seen = 0;
    await until('it is at work', () => {
      const isAtWork = world.survey().temporary.length > 0 || world.manifest().length > lines;
      return isAtWork && ++seen > looks;
    });
    program.killAll();
    await program.ended;
    found.tmp += world.survey().temporary.length;
    found.lines += world.manifest().length - lines;
    if (copy) restore(world, copy);
    else loseState(world);
    // A restored state that knows all lines is not rebuilt: it finds files that were sealed since by itself.
    if (!copy || world.manifest().length > lines) await rebuilt(world);
    await world.runOnce();
    world.check();
    await audited(world);
  }
  t.diagnostic(JSON.stringify(found));
});

test('a discard that ended before the state was lost keeps no names: who has them now can be withdrawn', async (t) => {
  const world = worldOf(t);
  const program = world.start('ingest');
  await world.event('worker_started');
  const first = orders('first', 50);
  const foreign = await heldMove(world, first.text);
  assert.equal((await world.run('ingest-ctl', ['discard', '--all'])).code, 0);
  await until('it is put away', () => world.failed().length > 0);
  await world.allDone();
  rmSync(foreign);
  const second = orders('second', 50);
  const { sha256 } = world.drop('held.csv', second.text, { how: 'rename' });
  await until('the second is stored', () => world.log.named('file_ingested').length > 0);
  await program.stop();
  loseState(world);
  await rebuilt(world);
  assert.equal((await world.run('ingest-ctl', ['withdraw', sha256, '--reason', 'a test'])).code, 0);
  await world.runOnce();
  assert.deepEqual(world.warehouse(), []);
  await audited(world);
});

test('a discard that is decided takes the outputs out of the warehouse, also after a rebuild', async (t) => {
  const world = worldOf(t);
  const program = world.start('ingest');
  await world.event('worker_started');
  const foreign = await heldMove(world, orders('first', 50).text);
  await program.stop();
  assert.equal((await world.run('ingest-ctl', ['discard', '--all'])).code, 0);
  rmSync(foreign);
  assert.ok(world.warehouse().length > 0, 'its outputs are at their targets');
  await rebuilt(world);
  await world.runOnce();
  assert.deepEqual(world.warehouse(), []);
  await audited(world);
});
