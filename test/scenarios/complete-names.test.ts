/** Complete files only: names that are no candidates, new directories, files that disappear or were cut. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { nameOfText } from '../../src/linux/names.js';
import { drop, pathIn } from '../world/dropping.js';
import { pause, resume } from '../world/hand.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { droppedAs, scenarios, step, watched } from './watching.js';

const IGNORED = [
  '.hidden.csv',
  '.hidden/below.csv',
  'plain/.git/config.csv',
  ...['.tmp', '.part', '.PART', '.partial', '.part.minio', '.swp', '~', '.filepart', '.crdownload'].map(
    (end) => `orders.csv${end}`,
  ),
  ...['._COPYING_', '_.gstmp', '.metadata.json'].map((end) => `orders.csv${end}`),
  'deep/orders.csv.tmp',
];

/** Makes files that the ingestor must leave as they are. */
function bystand(world: World, names: readonly string[]): void {
  for (const name of names) {
    writeFileSync(pathIn(world.input, nameOfText(name)), world.content(100));
    world.bystander('input', name);
  }
}

scenarios('complete files only: names and directories', () => {
  watched(
    'hidden and temporary names are left alone, before the start and after',
    {
      before: (world) => bystand(world, IGNORED.slice(0, 6)),
    },
    async (world) => {
      bystand(world, IGNORED.slice(6));
      await world.isStored(world.drop('orders.csv', 1_000));
      await world.isStored(world.drop('deep/orders.csv', 1_000));
      assert.deepEqual(
        world
          .jobs()
          .map(({ key }) => key)
          .sort(),
        ['deep/orders.csv', 'orders.csv'],
      );
    },
  );

  watched('files in new directories arrive, however deep and however quickly they were made', {}, async (world) => {
    for (let n = 0; n < 20; n++) world.drop(`new-${n}/a/b/c/d/file.csv`, 500);
    for (let n = 0; n < 20; n++) world.drop(`new-${n}/beside.csv`, 500);
    await world.stored(40);
    // Into a directory that is known by now, and into one that was known and is made again.
    world.drop('new-0/a/b/c/d/late.csv', 500);
    rmSync(join(world.input, 'new-1'), { recursive: true });
    world.drop('new-1/a/again.csv', 500);
    await world.stored(42);
  });

  watched(
    'a whole tree that is renamed into the input arrives, and under its new names after a rename',
    {},
    async (world) => {
      const outside = join(world.root, 'outside');
      mkdirSync(outside);
      for (const name of ['one.csv', 'sub/two.csv', 'sub/sub/three.csv'])
        world.dropped.push(drop(outside, name, world.content(700)));
      renameSync(outside, join(world.input, 'tree'));
      await world.stored(3);
      renameSync(join(world.input, 'tree'), join(world.input, 'renamed'));
      const late = world.drop('renamed/sub/four.csv', 700);
      await world.isStored(late);
      assert.equal(world.manifest().at(-1)!.record!.path, join(world.input, 'renamed/sub/four.csv'));
    },
  );
});

test('files that wait when a filter comes are left in the input; what was taken goes on', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  world.start('ingest');
  await world.isStored(world.drop('first.csv', 100));
  await pause(world.statePath, 'hash');
  world.drop('taken.bad', 200);
  await until('one is taken', () => world.underprocess().length === 1);
  await pause(world.statePath, 'verify-complete');
  const refused = ['late.bad', 'sub/late.csv'];
  for (const name of ['last.csv', ...refused]) world.drop(name, 300);
  await until('the others have jobs', () => world.jobs().length === 5);
  await world.stop();
  await resume(world.statePath, 'hash', 'verify-complete');
  await world.runOnce(['--exclude', '*.bad', '--no-recursive']);
  const stored = world.manifest().map(({ record }) => relative(world.input, record!.path));
  assert.deepEqual(stored.sort(), ['first.csv', 'last.csv', 'taken.bad']);
  for (const name of refused) {
    assert(existsSync(join(world.input, name)), name);
    const { why } = await world.event('file_dropped', ({ path }) => String(path).endsWith(name));
    assert.equal(why, name.endsWith('.bad') ? 'ignored_excluded' : 'ignored_not_recursive');
  }
  const { stdout } = await world.run('ingest-ctl', ['explain', join(world.input, 'late.bad')]);
  assert.match(stdout, /left in the input/);
});

scenarios('complete files only: files that go away', () => {
  watched(
    'a file that is deleted while it waits leaves nothing, and its name is free',
    { options: { stabilitySeconds: 10 } },
    async (world) => {
      writeFileSync(join(world.input, 'gone.csv'), world.content(1_000));
      await until('the file has a job', () => world.jobs().length === 1);
      rmSync(join(world.input, 'gone.csv'));
      await step(world, 'gone.csv', (e) => e.outcome === 'drop' && e.why === 'vanished');
      assert.equal(world.jobs()[0]!.state, 'done');
      assert.deepEqual(world.manifest(), []);
      await world.isStored(world.drop('gone.csv', 2_000));
      await world.allDone();
    },
  );

  watched(
    'a file that is deleted while its writer has it open is dropped',
    { options: { stabilitySeconds: 0 } },
    async (world) => {
      const writer = world.writer('open.csv');
      writer.write('half of it');
      await step(world, 'open.csv', (e) => e.why === 'writer_open');
      rmSync(join(world.input, 'open.csv'));
      await step(world, 'open.csv', (e) => e.outcome === 'drop');
      writer.close();
      world.dropped.length = 0; // it never became whole under a name
      await world.isStored(world.drop('next.csv', 100));
    },
  );

  watched(
    'a file that waits for its sidecar and is taken away or renamed is named no longer, and its new name waits',
    { options: { mode: 'sidecar', scanIntervalSeconds: 0.5 } },
    async (world) => {
      const content = world.content(1_000);
      writeFileSync(join(world.input, 'gone.csv'), world.content(1_000));
      writeFileSync(join(world.input, 'old.csv'), content);
      const waiting = () => world.jobs().filter(({ reason }) => reason === 'no_sidecar');
      await until('both wait', () => waiting().length === 2);
      rmSync(join(world.input, 'gone.csv'));
      renameSync(join(world.input, 'old.csv'), join(world.input, 'new.csv'));
      for (const name of ['gone.csv', 'old.csv']) await step(world, name, (e) => e.why === 'vanished');
      await until('only the new name waits', () => waiting().length === 1 && waiting()[0]!.key === 'new.csv');
      world.dropped.push(droppedAs('new.csv', content));
      world.sidecar('new.csv', '');
      await world.allDone();
    },
  );
});
