/**
 * Nothing that is due in a bucket is left out, and nothing goes round in circles. A process may have options of before. The store may
 * refuse a request that no file needs. An object may be gone while its job cannot go on.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { enterBucket } from '../../src/ingest/ledger/publications.js';
import { FeedBucket } from '../../src/ingest/publishing/feed-bucket.js';
import { Bench } from '../ingest/stages/bench.js';
import { checkBucket, correctionsOf, linesOf, objectsOf, proxied, publisher, takenAtHead } from '../world/publisher.js';
import { alter, rowsOf } from '../world/state-by-hand.js';
import { files } from '../world/tree.js';
import { ordinaryUser, skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';

async function succeeds(world: World, program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await world.run(program, args);
  assert.equal(code, 0, `${stdout}${stderr}`);
  return stdout + stderr;
}

const withoutBucket = (flags: readonly string[]): string[] => flags.filter((flag) => !flag.startsWith('--publish'));

test('--keep-local: an object that is gone has one job and one word, also while another one has its key', async (t) => {
  const made = await takenAtHead(t);
  if (!made) return;
  const { world, bucket, program, key } = made;
  world.drop('b.csv', 'id\n2\n');
  await until('the other one is removed here', () =>
    files(world.feed().warehouse).every(({ path }) => !path.endsWith('b.csv')),
  );
  assert.equal(world.log.named('object_gone').length, 1);
  assert.equal(rowsOf(world, 'SELECT 1 FROM buckets WHERE cursor IS NOT NULL').length, 0);
  await bucket.delete(key);
  await succeeds(world, 'ingest-ctl', 'retry', '--all');
  await until('nothing is kept here', () => world.warehouse().length === 0);
  await program.stop();
  await checkBucket(bucket);
});

test('a store that does not list uploads closes no gate: a warning, and files come', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  for (let n = 0; n < 3; n++) proxy.add({ kind: 'list-uploads' }, { status: 403, code: 'AccessDenied' });
  const program = world.start('ingest');
  world.drop('a.csv', 'id\n1\n');
  await until('it is published', async () => (await linesOf(bucket)).length === 1);
  const { code } = await world.event('uploads_unswept');
  assert.equal(code, 'AccessDenied');
  await program.stop();
  assert.equal(world.log.named('gate_closed').length, 0);
});

test('the option is taken away and given again beside workers that run on: all files come', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  const flags = world.flags('ingest-producer');
  const worker = world.start('ingest-worker');
  const produce = async (how: readonly string[], name: string): Promise<void> => {
    world.drop(name, `id\n${name}\n`);
    const producer = world.launch('ingest-producer', how);
    await until(`${name} is stored`, () => world.warehouse().some(({ path }) => path.endsWith(name)));
    await producer.stop();
  };
  await produce(flags, 'before.csv');
  await until('the first one is published', async () => (await linesOf(bucket)).length === 1);
  await succeeds(world, 'ingest-ctl', 'pause', 'publish');
  await produce(flags, 'waits.csv');
  await produce(withoutBucket(flags), 'without.csv');
  await succeeds(world, 'ingest-ctl', 'resume', 'publish');
  await until('its job has passed the stage', () => world.jobs().every(({ state }) => state === 'done'));
  await produce(flags, 'after.csv');
  await until('all are published', async () => (await linesOf(bucket)).length === 4);
  await worker.stop();
  await checkBucket(bucket);
});

test('a local file that cannot be read is not taken for one that is gone', async (t) => {
  if (skipUnlessRoot(t, 'a file of the warehouse that this user may not read')) return;
  const made = await publisher(t, { user: ordinaryUser });
  if (!made) return;
  const { world, bucket } = made;
  world.drop('a.csv', 'id\n1\n');
  await world.launch('ingest', [...withoutBucket(world.flags('ingest')), '--once']).ended;
  const stored = join(world.feed().warehouse, world.warehouse()[0]!.path);
  chownSync(stored, 0, 0);
  chmodSync(stored, 0o600);
  await world.runOnce([], { code: 4 });
  const [held] = world.jobs().filter(({ state }) => state === 'held');
  assert.equal(held?.hold_code, 'system_refuses');
  chmodSync(stored, 0o644);
  await succeeds(world, 'ingest-ctl', 'retry', '--all');
  await world.runOnce();
  assert.equal((await linesOf(bucket)).length, 1);
});

test('a withdrawal that is discarded because another file lies at its path still takes the object back', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  const { sha256 } = world.drop('a.csv', 'id\n1\n');
  await world.runOnce();
  world.withdrawn.add(sha256);
  const stored = join(world.feed().warehouse, world.warehouse()[0]!.path);
  rmSync(stored);
  writeFileSync(stored, 'of somebody else');
  await succeeds(world, 'ingest-ctl', 'withdraw', sha256, '--reason', 'a test');
  await world.runOnce([], { code: 4 });
  await succeeds(world, 'ingest-ctl', 'discard', '--all', '--code', 'withdrawn_file_differs');
  await world.runOnce();
  assert.deepEqual([await objectsOf(bucket), (await correctionsOf(bucket)).length], [[], 1]);
});

test('history is not pruned before anybody has looked whether it is published', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  world.drop('a.csv', 'id\n1\n');
  await world.launch('ingest', [...withoutBucket(world.flags('ingest')), '--once']).ended;
  alter(world, 'UPDATE contents SET updated_at_ms = updated_at_ms - 6000000');
  const marker = proxy.add({ kind: 'list' }, 'hold');
  const program = world.start('ingest', ['--once']);
  await marker.hit();
  await world.killAll();
  marker.end();
  await program.ended;
  await succeeds(world, 'ingest-ctl', 'prune', '--keep-history', '1m');
  await world.runOnce();
  assert.equal((await linesOf(bucket)).length, 1);
});

test('another address while a process sends to the one before: the file comes to the new one', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  const other = await bucket.another();
  const flags = world.flags('ingest-producer');
  const elsewhere = flags.map((flag) => flag.replace(`//${bucket.name}/`, `//${other.name}/`));
  const put = proxy.add({ kind: 'put', key: /~a\.csv$/ }, 'hold-answer');
  const workers = [world.start('ingest-worker'), world.start('ingest-worker')];
  const first = world.launch('ingest-producer', flags);
  world.drop('a.csv', 'id\n1\n');
  await put.hit();
  await first.stop();
  const second = world.launch('ingest-producer', elsewhere);
  const entered = (): string => JSON.stringify(rowsOf(world, 'SELECT address FROM buckets WHERE cursor IS NULL'));
  await until('the other process has entered the new one', () => entered().includes(other.name));
  await put.release();
  await until('its line is there', async () => (await linesOf(other)).length === 1);
  for (const program of [second, ...workers]) await program.stop();
  assert.deepEqual(await linesOf(bucket), []);
  await checkBucket(other);
});

test('what is recorded about an address of before is refused, once the feed has another one', async (t) => {
  const bench = await Bench.open({ publish: 's3://one/raw' });
  t.after(() => bench.close());
  const { backend, feed } = bench;
  const options = { ...feed.options, publish: 's3://one/raw' };
  const of = new FeedBucket(backend, options, 'a warehouse', () => {});
  const elsewhere = { ...options, publish: 's3://two/raw' };
  const write = () => of.transact(() => 'written');
  const enter = (its: typeof options) => backend.transact((tx) => enterBucket(tx, its));
  const isRefused = () => assert.rejects(write(), { code: 'address_changed' });
  await enter(options);
  await backend.putFeed(options.name, elsewhere);
  await isRefused();
  await enter(elsewhere);
  await backend.putFeed(options.name, { ...options });
  // The feed is back here, and what is recorded is about the other one until this one is entered.
  await isRefused();
  await enter(options);
  assert.equal(await write(), 'written');
});
