/** A prefix or a bucket that must not be used is refused before anything is written there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bucket } from '../world/bucket.js';
import { checkBucket, linesOf, objectsOf, publisher } from '../world/publisher.js';
import { until } from '../world/waiting.js';

test('a prefix of another warehouse is refused, and nothing of the other one changes', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { bucket, world: first } = made;
  first.drop('a.csv', 'id\n1\n');
  await first.runOnce();
  const before = await bucket.stored();
  const { world: second } = (await publisher(t, {}, bucket))!;
  second.drop('b.csv', 'id\n2\n');
  await second.runOnce([], { code: 4 });
  const [gate] = second.gates();
  assert.equal(gate!.code, 'prefix_taken');
  assert.match(gate!.reason, /raw\/default\/ belongs to another feed or warehouse: name another prefix in --publish/);
  assert.deepEqual(await bucket.stored(), before);
});

test('a prefix with objects and no marker is refused, until somebody writes the marker that the sentence shows', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { bucket, world } = made;
  await bucket.put('raw/default/ingest_date=2026-01-01/old.csv', 'of nobody knows whom');
  const ingest = world.start('ingest');
  world.drop('a.csv', 'id\n1\n');
  const { reason } = await until('the gate is closed', () => world.gates().find(({ code }) => code === 'prefix_taken'));
  const [, marker, key] = /write (\{.*\}) and a newline to (\S+) if they are of this warehouse/.exec(reason)!;
  assert.equal((await bucket.keys()).length, 1);
  await bucket.put(key!, `${marker}\n`);
  await world.event('file_published');
  await ingest.stop();
  assert.equal((await linesOf(bucket)).length, 1);
  await bucket.delete('raw/default/ingest_date=2026-01-01/old.csv');
  await checkBucket(bucket);
});

test('a store that ignores the condition is refused', async (t) => {
  const bucket = await Bucket.start(t);
  if (!bucket) return;
  // The store of this test ignores the condition where it keeps versions.
  await bucket.keepVersions();
  const { world } = (await publisher(t, {}, bucket))!;
  world.drop('a.csv', 'id\n1\n');
  await world.runOnce([], { code: 4 });
  const [gate] = world.gates();
  assert.equal(gate!.code, 'no_condition');
  assert.match(gate!.reason, /it overwrites an object although If-None-Match forbids that, .*: use another store, or/);
  assert.deepEqual(await objectsOf(bucket), []);
});
