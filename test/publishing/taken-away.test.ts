/** Objects and lines that somebody took out of a bucket, or changed there: nothing is deleted on the word of a row alone. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loseState, rebuilt } from '../world/lost.js';
import { checkBucket, correctionsOf, linesOf, objectsOf, publishedAndKept, publisher } from '../world/publisher.js';
import { files } from '../world/tree.js';
import { until } from '../world/waiting.js';

test('a duplicate is deleted only while the store still has the object', async (t) => {
  const made = await publisher(t, { options: { keepLocal: '1s', onDuplicate: 'delete' } });
  if (!made) return;
  const { world, bucket } = made;
  world.drop('a.csv', 'id\n1\n');
  await publishedAndKept(world);
  const ingest = world.start('ingest');
  await until('the local file is gone', () => !files(world.feed().warehouse).some(({ path }) => path.endsWith('.csv')));
  await bucket.delete((await objectsOf(bucket))[0]!);
  world.drop('again.csv', 'id\n1\n');
  const { kept, note } = await world.event('file_skipped_duplicate');
  assert.deepEqual([kept, note], [true, 'original_missing']);
  await ingest.stop();
});

test('a bucket whose newest part is gone closes the gate: it is of an earlier day, and its readers would miss lines', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  world.drop('a.csv', 'id\n1\n');
  await world.runOnce();
  const newest = (await bucket.keys('raw/default/_manifests/')).at(-1)!;
  const bytes = await bucket.body(newest);
  await bucket.delete(newest);
  world.drop('b.csv', 'id\n2\n');
  await world.runOnce([], { code: 4 });
  const [gate] = world.gates();
  assert.equal(gate!.code, 'bucket_older');
  assert.match(gate!.reason, /its newest manifest raw\/default\/_manifests\/\d+\.jsonl is gone, .*: restore it/);
  await bucket.put(newest, bytes!.toString());
  await world.runOnce();
  assert.equal((await linesOf(bucket)).length, 2);
  await checkBucket(bucket);
});

test('a bucket that goes back while a service runs closes the gate before the next part, which would leave a hole', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  const parts = () => bucket.keys('raw/default/_manifests/');
  // One worker: another one puts the part when it enters the bucket, and an empty part at once after it.
  const ingest = world.start('ingest', ['--workers', 'all=1']);
  world.drop('a.csv', 'id\n1\n');
  await until('its line is there', async () => (await linesOf(bucket)).length === 1);
  const newest = (await parts()).at(-1)!;
  const bytes = await bucket.body(newest);
  await bucket.delete(newest);
  const left = await parts();
  world.drop('b.csv', 'id\n2\n');
  const closed = await world.event('gate_closed');
  assert.equal(closed.code, 'bucket_older');
  assert.deepEqual(await parts(), left);
  await bucket.put(newest, bytes!.toString());
  await until('the next line is there', async () => (await linesOf(bucket)).length === 2);
  await ingest.stop();
  await checkBucket(bucket);
});

test('a withdrawal does not end while another object lies in the place of its own; discarded, it leaves that one', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  world.drop('a.csv', 'id\n1\n');
  await world.runOnce();
  const [key] = await objectsOf(bucket);
  await bucket.put(key!, 'of somebody else');
  assert.equal((await world.run('ingest-ctl', ['withdraw', 'a.csv', '--reason', 'wrong'])).code, 0);
  await world.run('ingest', ['--once']);
  const [held] = world.jobs().filter(({ state }) => state === 'held');
  assert.equal(held!.hold_code, 'object_taken');
  assert.match(String(held!.reason), /is not what was published there, so it is not deleted/);
  assert.equal((await world.run('ingest-ctl', ['discard', '--all'])).code, 0);
  await world.run('ingest', ['--once']);
  assert.ok(world.jobs().every(({ state }) => state === 'done'));
  assert.deepEqual(await objectsOf(bucket), [key]);
  assert.equal((await correctionsOf(bucket)).length, 1);
});

test('an audit before the bucket was read calls no object unknown', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world } = made;
  world.drop('a.csv', 'id\n1\n');
  await world.runOnce();
  loseState(world);
  await rebuilt(world);
  const early = await world.run('ingest-ctl', ['audit']);
  assert.match(early.stdout, /^bucket_unread .*this state has not read the lines there; start ingest/m);
  assert.doesNotMatch(early.stdout, /^object_/m);
  await world.runOnce();
  const { code, stdout } = await world.run('ingest-ctl', ['audit']);
  assert.equal(code, 0, stdout);
});

test('a file that was sent by a try whose end nobody recorded needs no local file', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  const ingest = world.start('ingest');
  world.drop('a.csv', 'id\n1\n');
  await world.event('file_published');
  await ingest.stop();
  const [key] = await objectsOf(bucket);
  loseState(world);
  const part = (await bucket.keys('raw/default/_manifests/')).find((one) => one.endsWith('0.jsonl'));
  assert.ok(key && part);
  for (const one of await bucket.keys('raw/default/_manifests/')) await bucket.delete(one);
  const local = files(world.feed().warehouse).find(({ path }) => path.endsWith('.csv'))!;
  await rebuilt(world);
  rmSync(join(world.feed().warehouse, local.path));
  await world.run('ingest', ['--once']);
  assert.deepEqual(await objectsOf(bucket), [key]);
  assert.equal((await linesOf(bucket)).length, 1);
});
