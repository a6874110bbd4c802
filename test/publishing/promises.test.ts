/** The promises between a store and a state, each in the one situation where it could break. */

import assert from 'node:assert/strict';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Bucket } from '../world/bucket.js';
import { loseState, rebuilt } from '../world/lost.js';
import {
  checkBucket,
  correctionsOf,
  heldAtHead,
  linesOf,
  objectsOf,
  proxied,
  published,
  publishedAndKept,
} from '../world/publisher.js';
import { alter, rowsOf } from '../world/state-by-hand.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';

const PART = /_manifests\//;
const LARGE_BYTES = 65 << 20;

/** The number of the part with the line of that file. */
async function numberOf(bucket: Bucket, path: string): Promise<number> {
  const keys = await bucket.keys('raw/default/_manifests/');
  const parts = await Promise.all(keys.map((key) => bucket.body(key)));
  return parts.findIndex((bytes) => String(bytes).includes(path));
}

const localPath = (world: World, name: string): string =>
  join(world.feed().warehouse, world.warehouse().find(({ path }) => path.endsWith(name))!.path);

test('a line comes after its object, also where the line of another file comes meanwhile', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  const sent = proxy.add({ kind: 'put', key: /~a\.csv$/ }, 'hold');
  const program = world.start('ingest', ['--workers', 'all=2']);
  world.drop('a.csv', 'id\n1\n');
  await sent.hit();
  world.drop('b.csv', 'id\n2\n');
  await published(bucket, 1);
  await checkBucket(bucket);
  await sent.release();
  await published(bucket, 2);
  await program.stop();
  await checkBucket(bucket);
  world.check();
});

test('a line that comes while a part is on its way joins the next one', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  const part = proxy.add({ kind: 'put', key: PART, after: 1 }, 'hold-answer');
  const program = world.start('ingest');
  world.drop('a.csv', 'id\n1\n');
  await part.hit();
  world.drop('b.csv', 'id\n2\n');
  await world.event('file_published', ({ path }) => String(path).endsWith('/b.csv'));
  await part.release();
  await published(bucket, 2);
  await program.stop();
  await checkBucket(bucket);
});

test("a stranger's object at the key is not taken for ours: the file is held, and nothing is overwritten", async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  const sent = proxy.add({ kind: 'put', key: /~a\.csv$/ }, 'hold');
  const program = world.start('ingest', ['--once']);
  world.drop('a.csv', 'id\n1\n');
  const { key } = await sent.hit();
  await bucket.put(key, 'id\n7\n');
  assert.deepEqual(await sent.release(), [412]);
  await program.ended;
  assert.deepEqual(
    world.jobs().map(({ state, hold_code }) => [state, hold_code]),
    [['held', 'object_taken']],
  );
  assert.equal(String(await bucket.body(key)), 'id\n7\n');
  assert.deepEqual(await linesOf(bucket), []);
  // They take it away.
  await bucket.delete(key);
  await world.run('ingest-ctl', ['retry', '--all']);
  await world.runOnce();
  await published(bucket, 1);
  await checkBucket(bucket);
});

test('--keep-local: a local file with other bytes stays under its name', async (t) => {
  const made = await proxied(t, { options: { keepLocal: '1s' } });
  if (!made) return;
  const { world, bucket, proxy } = made;
  world.drop('a.csv', 'id\n1\n');
  await publishedAndKept(world);
  const head = proxy.add({ kind: 'head', key: /~a\.csv$/ }, 'hold-answer');
  const program = world.start('ingest');
  await head.hit();
  const path = localPath(world, 'a.csv');
  appendFileSync(path, '2\n');
  await head.release();
  await world.event('local_file_kept');
  await program.stop();
  assert.equal(readFileSync(path, 'utf8'), 'id\n1\n2\n');
  await checkBucket(bucket);
});

test('--keep-local: where the object is gone the local file stays, and is published again', async (t) => {
  const made = await heldAtHead(t);
  if (!made) return;
  const { world, bucket, proxy, program, key, head } = made;
  await bucket.delete(key);
  const again = proxy.add({ kind: 'put', key: /~a\.csv$/ }, 'hold');
  await head.release();
  await again.hit();
  assert.equal(readFileSync(localPath(world, 'a.csv'), 'utf8'), 'id\n1\n');
  await again.release();
  await until('the local file is gone', () => world.warehouse().length === 0);
  await program.stop();
  assert.deepEqual(await objectsOf(bucket), [key]);
  await checkBucket(bucket);
});

test('after a rebuild no part of the lost state can come: the content was withdrawn before its line', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  const { sha256 } = world.drop('a.csv', 'id\n1\n');
  world.withdrawn.add(sha256);
  const part = proxy.add({ kind: 'put', key: PART, after: 1 }, 'hold');
  world.start('ingest', ['--once']);
  await part.hit();
  await world.killAll();
  loseState(world);
  await rebuilt(world);
  await world.run('ingest-ctl', ['withdraw', sha256, '--reason', 'a test']);
  await world.runOnce();
  assert.deepEqual(await objectsOf(bucket), []);
  assert.deepEqual(await part.release(), [412]);
  assert.deepEqual([await linesOf(bucket), await correctionsOf(bucket)], [[], []]);
  world.check();
});

test('a large object that is there already is not sent again by a rebuilt state', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  world.drop('large.bin', LARGE_BYTES);
  const part = proxy.add({ kind: 'put', key: PART, after: 1 }, 'hold');
  world.start('ingest', ['--once']);
  await part.hit(1);
  await world.killAll();
  loseState(world);
  await rebuilt(world);
  await world.runOnce();
  await published(bucket, 1);
  await checkBucket(bucket);
  assert.equal(proxy.of('create').length, 1);
  assert.deepEqual(await bucket.uploads(), []);
});

test('an hour is not marked before the correction of a withdrawal that is under way', async (t) => {
  const made = await proxied(t, { options: { successMarkers: true } });
  if (!made) return;
  const { world, bucket } = made;
  const BEFORE = '2026/01/01/00';
  for (const name of ['a.csv', 'b.csv']) world.drop(name, `id\n${name}\n`);
  await publishedAndKept(world);
  alter(world, "UPDATE contents SET hour = ? WHERE source_path = CAST('a.csv' AS BLOB)", BEFORE);
  await world.run('ingest-ctl', ['pause', 'move']);
  assert.equal((await world.run('ingest-ctl', ['withdraw', 'a.csv', '--reason', 'a test'])).code, 0);
  const marked = "INSERT OR REPLACE INTO periods (folder, state, changed_ms) VALUES (?, 'marked', 0)";
  const hours = (rowsOf(world, 'SELECT hour FROM contents') as { hour: string }[]).map(({ hour }) => hour);
  for (const hour of hours) alter(world, marked, join(world.feed().manifests, hour));
  const keys = () => bucket.keys('raw/default/_hours/');
  world.start('ingest');
  await until('the other hour is marked', async () => (await keys()).length > 0);
  await world.run('ingest-ctl', ['resume', 'move']);
  await until('both hours are marked', async () => (await keys()).length === 2);
  await until('the correction is there', async () => (await correctionsOf(bucket)).length === 1);
  const { through } = JSON.parse(String(await bucket.body(`raw/default/_hours/${BEFORE}/_SUCCESS`)));
  assert.ok(through >= (await numberOf(bucket, '"correction"')));
});

test('an hour is marked beside a line of a later one, which waits for its own, also through a kill', async (t) => {
  const made = await proxied(t, { options: { successMarkers: true } });
  if (!made) return;
  const { world, bucket, proxy } = made;
  const BEFORE = '2026/01/01/00';
  const markerOf = async (hour: string): Promise<{ through: number } | undefined> => {
    const bytes = await bucket.body(`raw/default/_hours/${hour}/_SUCCESS`);
    return bytes && JSON.parse(String(bytes));
  };
  world.drop('a.csv', 'id\n1\n');
  await publishedAndKept(world);
  const throughA = (await bucket.keys('raw/default/_manifests/')).length - 1;
  alter(world, 'UPDATE contents SET hour = ?', BEFORE);

  const ingest = world.start('ingest');
  world.drop('b.csv', 'id\n2\n');
  await world.event('file_published', ({ path }) => String(path).endsWith('/b.csv'));
  const part = proxy.add({ kind: 'put', key: PART }, 'hold');
  // As if both hours were over.
  alter(
    world,
    "INSERT INTO periods (folder, state, changed_ms) VALUES (?, 'marked', 0)",
    join(world.feed().manifests, BEFORE),
  );
  alter(world, "UPDATE periods SET state = 'marked'");
  const [{ hour }] = rowsOf(world, 'SELECT hour FROM contents ORDER BY row DESC LIMIT 1') as [{ hour: string }];
  // The line of `b.csv` is held, or lies in a part that is still open.
  await until('the first hour is marked', async () => (await markerOf(BEFORE)) !== undefined);
  await part.hit();
  assert.equal((await linesOf(bucket)).length, 1);
  await world.killAll();
  await ingest.ended;
  assert.equal(await markerOf(hour), undefined);

  await world.run('ingest-ctl', ['withdraw', 'a.csv', '--reason', 'a test']);
  await world.run('ingest', ['--once']);
  const numberOfB = await numberOf(bucket, '/b.csv');
  const [first, second] = [await markerOf(BEFORE), await markerOf(hour)];
  assert.ok(first!.through >= throughA && first!.through < numberOfB, JSON.stringify({ first, numberOfB }));
  assert.ok(second!.through >= numberOfB, JSON.stringify({ second, numberOfB }));
  assert.equal((await correctionsOf(bucket)).length, 1, 'a withdrawal comes after the marker');
  await part.release();
  await checkBucket(bucket);
});
