/** Every content exactly once: one file, one line, whatever name or moment its copies come under. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { editDatabase } from '../world/database.js';
import { faultsIn } from '../world/faults.js';
import { pause, resume } from '../world/hand.js';
import { content, done, once, PATIENT, readyFor, targetPath, waiting } from '../world/jobs.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';

test('the same content under another name, in two files at once and after a restart is one file and one line', async (t) => {
  const world = createWorld(t);
  const [x, y] = [world.content(5_000), world.content(100)];
  world.start('ingest');
  world.drop('a.csv', x);
  const first = await done(world, 'a.csv', 'stored');
  world.drop('b.csv', x);
  world.drop('c.csv', y, { how: 'rename' });
  world.drop('d.csv', y, { how: 'rename' });
  await done(world, 'b.csv', 'duplicate');
  await until('c and d', () => world.jobs().filter(({ state }) => state === 'done').length === 4, PATIENT);
  await world.stop();

  world.start('ingest');
  world.drop('e.csv', x);
  await done(world, 'e.csv', 'duplicate');
  await world.stop();
  once(world, { files: 2, duplicates: 3 });
  for (const name of ['b.csv', 'e.csv']) {
    const told = world.log.named('file_skipped_duplicate').find(({ path }) => path === join(world.input, name))!;
    assert.deepEqual([told.duplicate_of, told.bytes, told.kept], [targetPath(world, first), 5_000, true]);
    assert.ok(world.duplicates().some((file) => file.path.endsWith(`~${name}`)));
  }
});

test('a twin of what is in flight waits, and is a duplicate when the other is stored', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  const bytes = world.content(3_000);
  world.drop('before.csv', 10);
  await done(world, 'before.csv', 'stored');
  for (const stage of ['manifest', 'move']) {
    await pause(world.statePath, stage);
    const name = `${stage}-original.csv`;
    const same = Buffer.concat([bytes, Buffer.from(stage)]);
    world.drop(name, same);
    const original = await readyFor(world, name, stage);
    world.drop(`${stage}-twin.csv`, same);
    const twin = await waiting(world, `${stage}-twin.csv`);
    assert.match(twin.reason!, new RegExp(`content carried by ${original.id}`));
    await resume(world.statePath, stage);
    await done(world, `${stage}-twin.csv`, 'duplicate');
  }
  await world.stop();
  once(world, { files: 3, duplicates: 2 });
});

test('--on-duplicate delete removes the copy while the stored file is there, and keeps it when that has gone', async (t) => {
  const world = createWorld(t, { options: { onDuplicate: 'delete' } });
  world.start('ingest');
  const bytes = world.content(4_000);
  world.drop('a.csv', bytes);
  const stored = await done(world, 'a.csv', 'stored');
  world.drop('b.csv', bytes);
  await done(world, 'b.csv', 'duplicate');
  assert.equal((await world.event('file_skipped_duplicate')).kept, false);
  assert.equal(world.duplicates().length, 0);

  rmSync(targetPath(world, stored));
  world.taken.add(content(world, stored).target!);
  world.drop('c.csv', bytes);
  await done(world, 'c.csv', 'duplicate');
  const told = await world.event('file_skipped_duplicate', ({ kept }) => kept);
  assert.equal(told.note, 'original_missing');
  await world.stop();
  assert.equal(world.duplicates().length, 1);
  world.check();
});

test('a consumer that takes every file away at once leaves nothing held, through kills around the move', async (t) => {
  const world = createWorld(t);
  await world.followManifests();
  const faults = faultsIn(world.root);
  const taken = join(world.root, 'taken');
  mkdirSync(taken);
  const consume = setInterval(() => {
    for (const day of readdirSync(world.feed().warehouse).filter((name) => name.startsWith('ingest_date=')))
      for (const name of readdirSync(join(world.feed().warehouse, day)))
        renameSync(join(world.feed().warehouse, day, name), join(taken, name));
  }, 1);
  t.after(() => clearInterval(consume));
  world.start('ingest', [], { env: faults?.env });
  let count = 0;
  for (const point of ['moved', 'before_move', 'moved'] as const) {
    faults?.arm(point, 1);
    for (let i = 0; i < 30; i++) world.drop(`${count++}.csv`, 100);
    await until('all done', () => world.jobs().filter(({ state }) => state === 'done').length === count, PATIENT);
  }
  await world.stop();
  clearInterval(consume);
  for (const { target } of world.ledger()) world.taken.add(target!);
  world.check();
  assert.equal(readdirSync(taken).length, count);
  if (!faults) return t.diagnostic('no gcc: kills around the move were not tested');
  assert.equal(faults.kills(), 3);
  assert.ok(world.log.named('file_unconfirmed').length >= 1, 'a rename was seen by nobody but the consumer');
});

test('a reboot between a move and its commit: what a consumer took since was delivered', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('there is no gcc: a reboot after the move was not tested');
  world.drop('a.csv', 100);
  faults.armForAll('moved');
  await world.start('ingest', [], { env: faults.env }).ended;
  editDatabase(world.statePath, (db) => db.exec("UPDATE meta SET value = 'the boot before' WHERE name = 'epoch'"));
  const [line] = world.manifest();
  rmSync(line!.record!.warehouse_path);
  await world.runOnce();
  const [content] = world.ledger();
  assert.equal(content!.state, 'unconfirmed');
  world.taken.add(content!.target!);
  world.check();
});

test('two files of one size and mtime with one byte in the middle different are both stored', async (t) => {
  const world = createWorld(t);
  const bytes = world.content(100_000);
  const other = Buffer.from(bytes);
  other[50_000]! ^= 1;
  for (const [name, content] of [
    ['one/x.csv', bytes],
    ['two/x.csv', other],
  ] as const) {
    world.drop(name, content);
    utimesSync(join(world.input, name), 1_600_000_000, 1_600_000_000);
  }
  await world.runOnce();
  once(world, { files: 2, duplicates: 0 });
});
