/** The copy that is here counts until the bucket is sure to have the object and its line, whatever comes in between. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { editDatabase } from '../world/database.js';
import { faultsIn } from '../world/faults.js';
import {
  checkBucket,
  heldAtHead,
  linesOf,
  objectsOf,
  proxied,
  publishedAndKept,
  publisher,
  takenAtHead,
} from '../world/publisher.js';
import { rowsOf } from '../world/state-by-hand.js';
import { files } from '../world/tree.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';

const stored = (world: World): string[] =>
  files(world.feed().warehouse)
    .map(({ path }) => path)
    .filter((path) => path.endsWith('.csv'));

const ctl = async (world: World, code: number, ...args: string[]): Promise<string> => {
  const ended = await world.run('ingest-ctl', args);
  assert.equal(ended.code, code, `${ended.stdout}${ended.stderr}`);
  return ended.stdout;
};

const withoutBucket = (world: World): string[] =>
  world.flags('ingest').filter((flag) => !flag.startsWith('--publish') && !flag.startsWith('--keep-local'));

test('a content that is withdrawn while its object is asked for comes to failed/, as the command says', async (t) => {
  const made = await heldAtHead(t);
  if (!made) return;
  const { world, bucket, program, head } = made;
  await ctl(world, 0, 'pause', 'move');
  const said = await ctl(world, 0, 'withdraw', 'a.csv', '--reason', 'wrong');
  assert.match(said.replace(/\s+/g, ' '), /moves it to failed\//);
  await head.release();
  await program.stop();
  await ctl(world, 0, 'resume', 'move');
  await world.runOnce();
  assert.equal(world.failed().length, 1);
  assert.deepEqual(await objectsOf(bucket), []);
});

test('a file that was moved and seen by nobody but a consumer is counted as not published', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('there is no gcc: a kill after the move was not tested');
  world.drop('a.csv', 'id\n1\n');
  faults.armForAll('moved');
  await world.start('ingest', [], { env: faults.env }).ended;
  editDatabase(world.statePath, (db) => db.exec("UPDATE meta SET value = 'the boot before' WHERE name = 'epoch'"));
  rmSync(world.manifest()[0]!.record!.warehouse_path);
  await world.runOnce();
  assert.equal(world.ledger()[0]!.state, 'unconfirmed');
  assert.equal(world.log.named('file_not_published').length, 1);
  assert.deepEqual(await linesOf(bucket), []);
});

test('a bucket that was emptied while nothing was published: no local file goes, and the gate says why', async (t) => {
  const made = await heldAtHead(t);
  if (!made) return;
  const { world, bucket, program, head } = made;
  for (const key of await bucket.keys()) await bucket.delete(key);
  await head.release();
  const closed = await world.event('gate_closed');
  assert.equal(closed.code, 'bucket_older');
  assert.equal(stored(world).length, 1);
  await program.stop();
});

test('an object that the store does not show keeps its local file, and no other one', async (t) => {
  const made = await proxied(t, { options: { keepLocal: '1s' } });
  if (!made) return;
  const { world, bucket, proxy } = made;
  for (const name of ['a.csv', 'b.csv', 'c.csv']) world.drop(name, `id\n${name}\n`);
  await publishedAndKept(world);
  const rules = Array.from({ length: 20 }, () =>
    proxy.add({ kind: 'head', key: /~a\.csv$/ }, { status: 403, code: 'AccessDenied' }),
  );
  const program = world.start('ingest', ['--max-attempts=2']);
  await until('the others are in the bucket alone', () => stored(world).length === 1);
  assert.match(stored(world)[0]!, /a\.csv$/);
  await world.event('file_held', ({ code }) => code === 'object_refused');
  assert.equal(world.log.named('object_refused').length, 1);
  assert.deepEqual(world.log.named('gate_closed'), []);
  for (const rule of rules) rule.end();
  await ctl(world, 0, 'retry', '--all');
  await until('it is there alone, too', () => stored(world).length === 0);
  await program.stop();
  assert.equal((await checkBucket(bucket)).length, 3);
});

test('a local file that cannot be read or removed stays at its name, and stops neither the worker nor other files', async (t) => {
  const made = await publisher(t, { options: { keepLocal: '1s' } });
  if (!made) return;
  const { world, bucket } = made;
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('there is no gcc: a local file with an I/O error was not tested');
  const reasons = {
    'unreadable.csv': 'it cannot be read (EIO)',
    // Too large to be read in one go.
    'unreadable-large.csv': 'it cannot be read (EIO)',
    'busy.csv': 'it cannot be removed (EBUSY)',
    'unremovable.csv': 'it cannot be removed (EUCLEAN)',
  };
  const bad = Object.keys(reasons);
  for (const name of bad) world.drop(name, name.includes('large') ? 2 << 20 : `id\n${name}\n`);
  await publishedAndKept(world);
  world.drop('good.csv', 'id\n1\n');
  await publishedAndKept(world);
  faults.arm('refuses', 0);
  const program = world.start('ingest', [], { env: faults.env });
  await until('the good one is in the bucket alone', () => {
    for (const failed of ['gate_closed', 'worker_lost']) assert.deepEqual(world.log.named(failed), []);
    // One that is being compared has no name for a moment.
    return stored(world).length === bad.length && !stored(world).some((path) => path.endsWith('good.csv'));
  });
  await program.stop();
  const kept = world.log.named('local_file_kept');
  assert.deepEqual(
    Object.fromEntries(kept.map(({ path, reason }) => [String(path).split('/').at(-1), reason])),
    reasons,
  );
  assert.deepEqual(
    kept.map(({ path }) => path).sort(),
    stored(world)
      .map((path) => join(world.feed().warehouse, path))
      .sort(),
  );
  assert.ok(stored(world).every((path) => path.startsWith('ingest_date=')));
  assert.ok(faults.calls() >= bad.length);
  assert.equal((await checkBucket(bucket)).length, bad.length + 1);
  assert.match(await ctl(world, 0, 'explain', 'good.csv'), /was removed/);
  assert.doesNotMatch(await ctl(world, 0, 'explain', 'busy.csv'), /was removed/);
  await ctl(world, 0, 'audit');
  // As an operator does it.
  for (const path of stored(world)) rmSync(join(world.feed().warehouse, path));
  await ctl(world, 0, 'audit');
});

test('what went with a replaced warehouse is not looked at to be removed, and its withdrawal takes a copy that came back', async (t) => {
  const made = await publisher(t, { options: { keepLocal: '1h' } });
  if (!made) return;
  const { world, bucket } = made;
  world.drop('a.csv', 'id\n1\n');
  await publishedAndKept(world);
  const { warehouse } = world.feed();
  renameSync(warehouse, `${warehouse}.full`);
  mkdirSync(warehouse);
  await ctl(world, 0, 'replace-warehouse', warehouse);
  assert.deepEqual(rowsOf(world, "SELECT content FROM publications WHERE n = 0 AND is_local = 1 AND part > ''"), []);
  await world.runOnce();
  const said = await ctl(world, 0, 'explain', 'a.csv');
  assert.match(said.replace(/\s+/g, ' '), /It is in the bucket as .*, with its line\./);
  const [file] = files(`${warehouse}.full`).filter(({ path }) => path.endsWith('.csv'));
  cpSync(join(`${warehouse}.full`, file!.path), join(warehouse, file!.path));
  const goes = await ctl(world, 0, 'withdraw', 'a.csv', '--reason', 'wrong');
  assert.match(goes.replace(/\s+/g, ' '), /a file that was copied back comes to failed\//);
  await world.runOnce();
  assert.equal(world.failed().length, 1);
  assert.deepEqual(await objectsOf(bucket), []);
});

test('an object that is gone and is given up: its line stays, and audit names it', async (t) => {
  const made = await takenAtHead(t);
  if (!made) return;
  const { world, bucket, program, key } = made;
  await ctl(world, 0, 'discard', '--all');
  await program.stop();
  assert.match(await ctl(world, 4, 'audit'), new RegExp(`object_differs .*${key}`));
  await bucket.delete(key);
  assert.match(await ctl(world, 4, 'audit'), new RegExp(`object_missing .*${key}`));
  assert.equal(stored(world).length, 1);
  assert.match(await ctl(world, 0, 'explain', 'a.csv'), /was gone or refused, and an operator gave that up/);
  assert.equal((await linesOf(bucket)).length, 1);
});

test('what consumers took while the option was away is counted as not published', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  world.drop('first.csv', 'id\n1\n');
  await world.runOnce();
  world.drop('second.csv', 'id\n2\n');
  assert.equal((await world.launch('ingest', [...withoutBucket(world), '--once']).ended).code, 0);
  rmSync(join(world.feed().warehouse, stored(world).find((path) => path.endsWith('second.csv'))!));
  world.drop('third.csv', 'id\n3\n');
  await world.runOnce();
  await world.event('file_not_published', ({ path }) => String(path).endsWith('second.csv'));
  assert.equal((await checkBucket(bucket)).length, 2);
});
