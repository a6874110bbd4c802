/** All tools with processed files: explain, withdraw, discard, allow-again, prune, doctor, the dry run. */
import assert from 'node:assert/strict';
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { BY_COUNTRY, broken, orders } from '../world/chains.js';
import { type Chain, workDirOf } from '../world/layout.js';
import { stoppedBefore } from '../world/lost.js';
import { alter, rowsOf } from '../world/state-by-hand.js';
import { createWorld, type World } from '../world/world.js';
import { droppedAs } from './watching.js';

const worldOf = (t: TestContext, chain: Chain = BY_COUNTRY): World =>
  createWorld(t, { feeds: { made: { options: { stabilitySeconds: 0, quietMs: 0, process: chain } } } });

function dropOrders(world: World, name: string, mark: string): string {
  const { text, made } = orders(mark, 50);
  const { sha256 } = world.drop(name, text);
  world.made.set(sha256, made);
  return sha256;
}

async function ctl(world: World, args: readonly string[], code = 0): Promise<string> {
  const ended = await world.run('ingest-ctl', args);
  assert.equal(ended.code, code, `${args.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended.stdout + ended.stderr;
}

const pathsOf = (world: World): string[] =>
  world
    .manifest()
    .flatMap(({ record }) => [record!.warehouse_path, ...record!.outputs!.map((one) => one.warehouse_path)]);

const failed = (world: World): string[] => readdirSync(join(workDirOf(world.feed()), 'failed')).sort();

test('explain shows counts and outputs, by the path of the file, of an output, and by the id', async (t) => {
  const world = worldOf(t);
  dropOrders(world, 'a.csv', 'a');
  await world.runOnce();
  const { record } = world.manifest()[0]!;
  const [de] = record!.outputs!;
  for (const word of [join(world.input, 'a.csv'), de!.warehouse_path, record!.ingest_id]) {
    const said = await ctl(world, ['explain', word]);
    assert.match(
      said,
      /Its chain \(check, version [0-9a-f]{12}\) found 50 records, 5 of them rejected, and made 3 outputs/,
    );
    assert(
      said.includes(
        `Output DE (25 records, ${Buffer.byteLength(readFileSync(de!.warehouse_path))} B): ${de!.warehouse_path}.`,
      ),
      said,
    );
  }
  rmSync(de!.warehouse_path);
  assert.match(await ctl(world, ['explain', record!.ingest_id]), /Output DE .*; it is not there now/);
});

test('withdraw takes out the file and its outputs; an allowed content is processed again', async (t) => {
  const world = worldOf(t);
  const sha256 = dropOrders(world, 'a.csv', 'a');
  dropOrders(world, 'b.csv', 'b');
  await world.runOnce();
  const before = pathsOf(world).filter((path) => /\/a\./.test(path));
  await ctl(world, ['withdraw', before[1]!, '--reason', 'sent by mistake']);
  world.withdrawn.add(sha256);
  await world.runOnce();
  world.check();
  assert.deepEqual(before.filter(existsSync), []);
  assert.deepEqual(
    failed(world).map((name) => name.replace(/^.*~/, '')),
    ['a.csv', 'a.csv.DE.csv', 'a.csv.FR.csv', 'a.csv.reject.csv'],
  );
  await ctl(world, ['allow-again', sha256, '--reason', 'it was right']);
  world.withdrawn.clear();
  world.generations.set(sha256, 2);
  dropOrders(world, 'a.csv', 'a');
  await world.runOnce();
  world.check();
  const again = pathsOf(world).filter((path) => /\/a~2\./.test(path));
  assert.equal(again.length, before.length);
  assert.deepEqual(again.filter(existsSync), again);
});

test('outputs of a file whose name has 250 bytes are taken out, at a withdrawal and at a discard', async (t) => {
  const world = worldOf(t);
  const nameOf = (letter: string) => `${letter.repeat(246)}.csv`;
  const sha256 = dropOrders(world, nameOf('a'), 'a');
  await world.runOnce();
  await ctl(world, ['withdraw', sha256, '--reason', 'sent by mistake']);
  world.withdrawn.add(sha256);
  await world.runOnce();
  world.check();
  let other = '';
  const drop = () => {
    other = dropOrders(world, nameOf('b'), 'b');
  };
  await stoppedBefore(world, 'move', drop, 1);
  const place = world.manifest().at(-1)!.record!.warehouse_path;
  writeFileSync(place, 'not ours');
  await ctl(world, ['resume', 'move']);
  await world.runOnce([], { code: 4 });
  await ctl(world, ['discard', '--all']);
  world.discarded.add(other);
  await world.runOnce();
  rmSync(place);
  world.check();
  const outputs = world.failed().filter(({ path }) => /\.(DE|FR|reject)\.csv$/.test(path));
  assert.equal(outputs.length, 6);
});

test('a file that a consumer took is not reported, and a newer file of its name stays', async (t) => {
  const world = worldOf(t, { format: 'csv', start: 'split', steps: { split: { by: 'country' } } });
  // Both have the same records of DE.
  world.drop('x/a.csv', 'id,country\n1,DE\n2,FR\n');
  await world.runOnce();
  const first = world.manifest()[0]!.record!;
  const all = pathsOf(world);
  for (const path of all) rmSync(path);
  world.drop('y/a.csv', 'id,country\n1,DE\n3,IT\n');
  await world.runOnce();
  const second = world.manifest()[1]!.record!;
  await ctl(world, ['withdraw', first.ingest_id, '--reason', 'sent by mistake']);
  await world.runOnce();
  for (const { warehouse_path: path } of [second, ...second.outputs!]) assert(existsSync(path), path);
});

for (const what of ['the file', 'an output'] as const)
  test(`a file is held at move because the path of ${what} is taken: it is discarded, and its twin starts again`, async (t) => {
    const world = worldOf(t);
    const { text, made } = orders('b', 50);
    let sha256 = '';
    const drop = () => {
      ({ sha256 } = world.drop('b.csv', text));
      world.drop('b-twin.csv', text);
      world.made.set(sha256, made);
    };
    await stoppedBefore(world, 'move', drop, 1);
    const { record } = world.manifest().at(-1)!;
    const place = what === 'the file' ? record!.warehouse_path : record!.outputs![1]!.warehouse_path;
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, 'not ours');
    await ctl(world, ['resume', 'move']);
    await world.runOnce([], { code: 4 });
    const held = world.jobs().find(({ state }) => state === 'held')!;
    assert.equal(held.hold_code, 'target_taken');
    await ctl(world, ['discard', held.id]);
    await world.runOnce();
    rmSync(place);
    world.check();
    const lines = world.manifest().filter((line) => line.record!.sha256 === sha256);
    assert.equal(lines.length, 2);
    assert.notEqual(lines[0]!.record!.ingest_id, lines[1]!.record!.ingest_id);
  });

test('an output that is lost before its file is moved holds the file, also after a retry', async (t) => {
  const world = worldOf(t);
  await stoppedBefore(world, 'move', () => dropOrders(world, 'a.csv', 'a'), 1);
  const { record } = world.manifest()[0]!;
  const temporary = join(world.feed().warehouse, '.ingest-tmp');
  const [lost] = readdirSync(temporary).filter((name) => name.includes('.out.2.'));
  rmSync(join(temporary, lost!));
  await ctl(world, ['resume', 'move']);
  for (const again of [false, true]) {
    if (again) await ctl(world, ['retry', '--all']);
    await world.runOnce([], { code: 4 });
    assert.deepEqual(
      world.jobs().map(({ hold_code }) => hold_code),
      ['output_missing'],
    );
    assert.ok(!existsSync(record!.warehouse_path), 'readers see no file without its outputs');
  }
  await ctl(world, ['discard', '--all']);
  await world.runOnce();
  dropOrders(world, 'a.csv', 'a');
  await world.runOnce();
  world.check();
});

test('a discard of what was written to a file after its copy leaves the stored file and its outputs', async (t) => {
  const world = worldOf(t);
  const kept = join(world.root, 'kept');
  const { text, made } = orders('a', 50);
  writeFileSync(kept, text);
  const { sha256 } = world.dropped.at(world.dropped.push(droppedAs('a.csv', Buffer.from(text))) - 1)!;
  world.made.set(sha256, made);
  await stoppedBefore(world, 'move', () => linkSync(kept, join(world.input, 'a.csv')), 1);
  writeFileSync(kept, 'written through a link', { flag: 'r+' });
  await ctl(world, ['resume', 'move']);
  await world.runOnce([], { code: 4 });
  const [held] = world.jobs();
  assert.equal(held!.hold_code, 'changed_after_copy');
  const stored = pathsOf(world);
  assert.equal(stored.length, 4);
  await ctl(world, ['discard', held!.id]);
  await world.runOnce();
  assert.deepEqual(
    stored.filter((path) => !existsSync(path)),
    [],
  );
  assert.deepEqual(failed(world), [`${held!.id}~a.csv`]);
});

test('a twin of a file that is held says so', async (t) => {
  const world = worldOf(t);
  world.held.add(world.drop('a.csv', broken('a')).sha256);
  world.drop('twin.csv', broken('a'));
  await world.runOnce([], { code: 4 });
  const waiting = world.jobs().find(({ state }) => state === 'waiting')!;
  assert.match(
    await ctl(world, ['explain', waiting.id]),
    // A sentence that begins with the name of a file leaves it as it is.
    /Its content is the same as that of .*It is held since .*header_differs.* a\.csv[:,] /s,
  );
});

test('prune removes the outputs of a record with it', async (t) => {
  const world = worldOf(t);
  dropOrders(world, 'a.csv', 'a');
  await world.runOnce();
  const outputs = () => rowsOf(world, 'SELECT 1 FROM outputs').length;
  assert.equal(outputs(), 3);
  alter(world, 'UPDATE contents SET updated_at_ms = updated_at_ms - 600000');
  await ctl(world, ['prune', '--keep-history', '1m']);
  assert.equal(outputs(), 0);
});

test('doctor loads the chain, and the dry run names it', async (t) => {
  const world = worldOf(t);
  dropOrders(world, 'a.csv', 'a');
  const doctor = async () =>
    (await world.launch('ingest-ctl', ['doctor', '--verbose', ...world.flags('ingest')]).ended).stdout;
  assert.match(await doctor(), /chain.*the chain can be loaded/);
  const dry = await world.run('ingest', ['--once', '--dry-run']);
  assert.match(dry.stdout, /if its chain lets it pass/);
});
