/** The requests that a store sees are counted. A feed that publishes nothing pays nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Bucket } from '../world/bucket.js';
import { BY_COUNTRY, changeChain, orders } from '../world/chains.js';
import { FaultProxy } from '../world/fault-proxy.js';
import { checkBucket, linesOf, proxied, publisher } from '../world/publisher.js';
import { alter } from '../world/state-by-hand.js';
import { stays } from '../world/waiting.js';
import { createWorld } from '../world/world.js';

const FILES = 1_000;

test(`${FILES} small files: one PUT each and nothing else, a few requests for all of them; none where nothing is to do`, async (t) => {
  const bucket = await Bucket.start(t);
  if (!bucket) return;
  const proxy = await FaultProxy.start(t, bucket.server.port);
  const { world } = (await publisher(
    t,
    { endpoint: proxy.endpoint, options: { keepLocal: '1h', successMarkers: true } },
    bucket,
  ))!;
  for (let n = 0; n < FILES; n++) world.drop(`f${n}.csv`, `id\n${n}\n`);
  await world.runOnce();
  assert.equal((await linesOf(bucket)).length, FILES);
  await checkBucket(bucket);
  const ofFiles = proxy.requests.filter(({ key }) => key.endsWith('.csv'));
  assert.deepEqual(new Set(ofFiles.map(({ kind }) => kind)), new Set(['put']));
  assert.equal(ofFiles.length, FILES);
  assert.equal(new Set(ofFiles.map(({ key }) => key)).size, FILES);
  const others = proxy.requests.filter(({ key }) => !key.endsWith('.csv'));
  const parts = others.filter(({ key }) => key.includes('/_manifests/'));
  t.diagnostic(`${JSON.stringify(proxy.counts())}, of these ${parts.length} of parts`);
  // The first one is asked for: it is not there. Before any other one, the one before it is: a bucket may have gone back.
  const ofParts = (kind: string): number => parts.filter((one) => one.kind === kind).length;
  assert.deepEqual([ofParts('get'), ofParts('head')], [1, ofParts('put') - 1]);
  assert.equal(parts.length, 2 * ofParts('put'));
  assert.ok(parts.length < FILES / 10, `${parts.length} parts`);
  // The checks of a start, and one for uploads that nobody goes on with.
  assert.deepEqual(
    others
      .filter(({ key }) => !key.includes('/_manifests/'))
      .map(({ kind }) => kind)
      .sort(),
    ['get', 'list', 'list-uploads', 'put', 'put'],
  );
  const before = proxy.requests.length;
  for (let n = 0; n < 2; n++) await world.runOnce();
  world.drop('again.csv', 'id\n7\n');
  await world.runOnce();
  assert.equal(proxy.requests.length, before, 'nothing was to do');
  // As if the hour were over.
  alter(world, "UPDATE periods SET state = 'marked'");
  for (let n = 0; n < 2; n++) await world.runOnce();
  assert.equal(proxy.of('put', /_hours\/.*_SUCCESS$/).length, 1, 'an hour is marked once');
});

test('a large file: its parts once, and five requests beside them', async (t) => {
  const bucket = await Bucket.start(t);
  if (!bucket) return;
  const proxy = await FaultProxy.start(t, bucket.server.port);
  const { world } = (await publisher(t, { endpoint: proxy.endpoint }, bucket))!;
  world.drop('large.csv', Buffer.alloc(130 << 20, 'x').toString());
  await world.runOnce();
  await checkBucket(bucket);
  const kinds = proxy.requests.filter(({ key }) => key.endsWith('large.csv')).map(({ kind }) => kind);
  t.diagnostic(kinds.join(' '));
  assert.deepEqual(kinds, ['head', 'create', 'list-parts', 'part', 'part', 'part', 'complete', 'head']);
});

test('outputs of small files are sent one after the other where two would not fit into the memory of a batch', async (t) => {
  const made = await proxied(t, { feedNames: ['made'] });
  if (!made) return;
  const { world, bucket, proxy } = made;
  changeChain(world, 'made', BY_COUNTRY);
  const puts = proxy.add({ kind: 'put', key: /^(?!.*rejects).*\.csv$/, times: 4 }, 'hold');
  for (const mark of ['a', 'b', 'c', 'd']) {
    const { text, made: outputs } = orders(`${mark}${'x'.repeat(4_000)}`, 9_900, ['DE']);
    const { sha256 } = world.drop(`${mark}.csv.gz`, gzipSync(text), { feed: 'made' });
    world.made.set(sha256, outputs);
  }
  const once = world.start('ingest', ['--once']);
  await puts.hit();
  // Two batches are on their way at a time.
  await stays('no third one is sent', () => puts.hits.length <= 2, 3_000);
  await puts.release();
  assert.equal((await once.ended).code, 0);
  await checkBucket(bucket, 'made');
});

test('a feed without --publish does not load the SDK; with it and without the package a sentence says what to install', async (t) => {
  const bucket = await Bucket.start(t);
  if (!bucket) return;
  Object.assign(process.env, bucket.environment);
  const env = { NODE_OPTIONS: `--import=${new URL('./without-sdk.js', import.meta.url).href}` };
  const world = createWorld(t, {
    feeds: {
      plain: {},
      sales: { options: { publish: `s3://${bucket.name}`, publishEndpoint: bucket.endpoint, publishPathStyle: true } },
    },
  });
  for (const feed of ['plain', 'sales']) world.drop('a.csv', `id\n${feed}\n`, { feed });
  await world.runOnce([], { env, code: 4 });
  const [gate] = world.gates('sales');
  assert.match(
    gate!.reason,
    /--publish needs the package @aws-sdk\/client-s3, which is not installed here: npm install/,
  );
  assert.deepEqual(world.gates('plain'), []);
  const doctor = await world.launch('ingest-ctl', ['doctor', ...world.flags('ingest')], { env }).ended;
  assert.match(doctor.stdout, /npm install @aws-sdk\/client-s3/);
  await world.runOnce();
  assert.equal((await bucket.keys('sales/')).filter((key) => key.endsWith('a.csv')).length, 1);
});
