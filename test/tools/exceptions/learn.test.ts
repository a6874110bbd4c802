/** `ingest-ctl learn`: files that were loaded by other means count as duplicates, before the first start and beside an ingest. */
import assert from 'node:assert/strict';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { BY_COUNTRY, orders } from '../../world/chains.js';
import { backedUp, loseState, rebuilt, restore, stoppedBefore } from '../../world/lost.js';
import { createWorld, type World } from '../../world/world.js';

const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };

function folderOf(world: World, files: Record<string, string>): string {
  const folder = join(world.root, 'loaded');
  mkdirSync(join(folder, 'deep/er'), { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

const learn = (world: World, ...args: string[]) => world.run('ingest-ctl', ['learn', ...args]);
const BEFORE = ['--feed', 'default'];

test('a content learned before the first start is a duplicate afterwards, and the audit knows it', async (t) => {
  for (const onDuplicate of ['archive', 'delete']) {
    const world = createWorld(t, { options: { ...AT_ONCE, onDuplicate } });
    const folder = folderOf(world, {
      'a.csv': 'alpha',
      'deep/er/b.csv': 'beta',
      'deep/twin.csv': 'alpha',
      '.hidden': 'x',
    });
    symlinkSync('a.csv', join(folder, 'link'));
    const first = await learn(world, folder, ...BEFORE);
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /^2 contents learned for feed default .*1 files that were known, 2 ignored/);
    assert.match((await learn(world, folder, ...BEFORE)).stdout, /^0 contents learned/);
    for (const [name, content] of [
      ['again.csv', 'alpha'],
      ['b.csv', 'beta'],
      ['new.csv', 'gamma'],
    ] as const) {
      world.drop(name, content);
    }
    await world.runOnce();
    assert.equal(world.warehouse().length, 1);
    assert.equal(world.manifest().length, 1);
    // The ingestor cannot vouch for files elsewhere: the copies are kept even with --on-duplicate delete.
    assert.equal(world.duplicates().length, 2);
    const told = world.log.named('file_skipped_duplicate').map(({ duplicate_of }) => duplicate_of);
    assert.deepEqual(told.toSorted(), [join(folder, 'a.csv'), join(folder, 'deep/er/b.csv')].toSorted());
    const explained = await world.run('ingest-ctl', ['explain', join(world.input, 'again.csv')]);
    assert.match(explained.stdout, /Its content was there before, as .*loaded\/(a|deep\/twin)\.csv/);
    const audit = await world.run('ingest-ctl', ['audit', '--hash']);
    assert.equal(audit.code, 0, audit.stdout);
    assert.equal(readFileSync(join(folder, 'a.csv'), 'utf8'), 'alpha', 'it is only read');
  }
});

test('learn beside a running ingest, also files in the warehouse; known contents stay as they are', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const first = world.drop('first.csv', 'known');
  world.start('ingest');
  await world.isStored(first);
  const { warehouse } = world.feed();
  writeFileSync(join(warehouse, 'by-hand.csv'), 'loaded by hand');
  assert.equal((await world.run('ingest-ctl', ['audit'])).code, 4);
  const ended = await learn(world, warehouse);
  assert.match(ended.stdout, /^1 content learned .*1 files that were known/);
  assert.equal((await world.run('ingest-ctl', ['audit', '--hash'])).code, 0);
  world.drop('again.csv', 'loaded by hand');
  await world.event('file_skipped_duplicate', ({ duplicate_of }) => duplicate_of === join(warehouse, 'by-hand.csv'));
  await world.stop();
  assert.equal(world.ledger().find(({ sha256 }) => sha256 === first.sha256)!.state, 'stored');
});

/** The state was lost with what it had learned, and the file came again. */
for (const stage of ['move', 'stored']) {
  test(`a backup comes back that had learned a content which has a line by now (${stage}): the line counts`, async (t) => {
    const world = createWorld(t, { options: AT_ONCE });
    assert.equal((await learn(world, folderOf(world, { 'a.csv': 'alpha' }), ...BEFORE)).code, 0);
    await world.runOnce();
    const backup = backedUp(world);
    loseState(world);
    await rebuilt(world);
    const drop = () => void world.drop('a.csv', 'alpha');
    if (stage !== 'stored') await stoppedBefore(world, stage, drop, 1);
    else {
      drop();
      await world.runOnce();
    }
    restore(world, backup);
    await rebuilt(world);
    await world.runOnce();
    world.check();
    const audit = await world.run('ingest-ctl', ['audit', '--hash']);
    assert.equal(audit.code, 0, audit.stdout);
    const [line] = world.manifest();
    const { code, stderr } = await world.run('ingest-ctl', [
      ...['withdraw', line!.record!.warehouse_path, '--reason', 'by the test'],
    ]);
    assert.equal(code, 0, stderr);
  });
}

test('a file that is being written is left out, reported, and learned the next time', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const folder = folderOf(world, { 'a.csv': 'alpha', 'open.csv': 'half' });
  const fd = openSync(join(folder, 'open.csv'), 'r+');
  const ended = await learn(world, folder, ...BEFORE);
  closeSync(fd);
  assert.equal(ended.code, 4);
  assert.match(ended.stderr, /open\.csv is left out: somebody has it open for writing/);
  assert.match((await learn(world, folder, ...BEFORE)).stdout, /^1 content learned/);
});

test('before the first start the configuration says which feed learns, and what is its input', async (t) => {
  const world = createWorld(t, { feeds: { a: { options: AT_ONCE }, b: { options: AT_ONCE } } });
  const folder = folderOf(world, { 'a.csv': 'alpha' });
  const withConfig = (...args: string[]) =>
    world.launch('ingest-ctl', ['learn', ...args, '--config', world.configPath, '--state-path', world.statePath]).ended;
  for (const [args, said] of [
    [[folder], /--feed must say which feed .*it has a, b/],
    [[folder, '--feed', 'c'], /--feed must be a feed of this state, but got "c"; it has a, b/],
    [[world.feed('a').input, '--feed', 'a'], /are the same directory/],
  ] as const) {
    const refused = await withConfig(...args);
    assert.equal(refused.code, 2, refused.stdout);
    assert.match(refused.stderr, said);
  }
  const unnamed = await learn(world, folder);
  assert.equal(unnamed.code, 2);
  assert.match(unnamed.stderr, /the state has no feed yet/);
  assert.ok(!existsSync(world.statePath), 'nothing was made');
  assert.equal((await withConfig(folder, '--feed', 'b')).code, 0);
  world.drop('b.csv', 'alpha', { feed: 'b' });
  world.drop('a.csv', 'alpha', { feed: 'a' });
  await world.runOnce();
  assert.deepEqual([world.warehouse('a').length, world.warehouse('b').length], [1, 0]);
});

test('a lost state is not made again by learn', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  world.drop('a.csv', 'alpha');
  await world.runOnce();
  loseState(world);
  const ended = await learn(world, folderOf(world, { 'b.csv': 'beta' }), '--input', world.input);
  assert.equal(ended.code, 3, ended.stdout);
  assert.match(ended.stderr, /ingest-ctl rebuild/);
  assert.ok(!existsSync(world.statePath));
});

test('the input, a missing directory, and a feed that is not named among several are refused', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await world.runOnce();
  const input = await learn(world, world.input);
  assert.equal(input.code, 2);
  assert.match(input.stderr, /the same directory/);
  assert.equal((await learn(world, join(world.root, 'nowhere'))).code, 3);
  assert.equal((await learn(world)).code, 2);
  const two = createWorld(t, { feeds: { a: { options: AT_ONCE }, b: { options: AT_ONCE } } });
  await two.runOnce();
  const folder = folderOf(two, { 'a.csv': 'alpha' });
  const unnamed = await learn(two, folder);
  assert.equal(unnamed.code, 2);
  assert.match(unnamed.stderr, /it has a, b/);
  assert.equal((await learn(two, folder, '--feed', 'b')).code, 0);
  two.drop('a.csv', 'alpha', { feed: 'a' });
  two.drop('b.csv', 'alpha', { feed: 'b' });
  await two.runOnce();
  assert.deepEqual([two.warehouse('a').length, two.warehouse('b').length], [1, 0]);
});

test('the remedy of a file that nobody knows learns it alone, and no output whose record was pruned', async (t) => {
  const world = createWorld(t, { feeds: { made: { options: { ...AT_ONCE, process: BY_COUNTRY } } } });
  const { text, made } = orders('a', 20);
  world.made.set(world.drop('a.csv', text).sha256, made);
  await world.runOnce();
  assert.equal((await world.run('ingest-ctl', ['prune', '--keep-history', '0d'])).code, 0);
  const { warehouse_path: output } = world.manifest()[0]!.record!.outputs![0]!;
  writeFileSync(join(dirname(output), 'for eign.csv'), 'nobody delivered it');
  const audited = await world.run('ingest-ctl', ['audit', '--json']);
  const { remedy } = JSON.parse(audited.stdout.split('\n')[0]!) as { remedy: string };
  const words = /`ingest-ctl ([^`]+)`$/.exec(remedy)![1]!.match(/'[^']*'|\S+/g)!;
  const learned = await world.launch(
    'ingest-ctl',
    words.map((word) => word.replaceAll("'", '')),
  ).ended;
  assert.match(learned.stdout, /^1 content learned for feed made \(19 B read\)$/m, learned.stderr);
  assert.equal((await world.run('ingest-ctl', ['audit'])).code, 0);
  world.drop('as-output.csv', readFileSync(output));
  world.drop('again.csv', 'nobody delivered it');
  await world.runOnce();
  assert.equal(world.manifest().length, 2);
  assert.equal(world.duplicates().length, 1);
});

test('over a warehouse, files that the ledger brought there are passed by, outputs too', async (t) => {
  const world = createWorld(t, { feeds: { made: { options: { ...AT_ONCE, process: BY_COUNTRY } } } });
  const { text, made } = orders('a', 20);
  world.made.set(world.drop('a.csv', text).sha256, made);
  await world.runOnce();
  const { warehouse } = world.feed();
  const { warehouse_path: output } = world.manifest()[0]!.record!.outputs![0]!;
  writeFileSync(join(dirname(output), 'foreign.csv'), 'of somebody else');
  const learned = await learn(world, warehouse);
  assert.match(learned.stdout, /^1 content learned .*4 files that were known/);
  // The bytes of an output are no content: a file that has them is new.
  world.drop('as-output.csv', readFileSync(output));
  await world.runOnce();
  assert.equal(world.manifest().length, 2);
  assert.equal(world.duplicates().length, 0);
});
