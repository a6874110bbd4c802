/** Files that cannot be published alone: each is held with a sentence, the rest goes on, and a person decides. */
import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkBucket, linesOf, objectsOf, proxied, publishedAndKept, publisher } from '../world/publisher.js';
import { files } from '../world/tree.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';

/** The path of a stored file below the warehouse, and the key of its object. */
function placeOf(world: World, name: string): { path: string; key: string } {
  const { record } = world.manifest().find((line) => line.record?.path.endsWith(`/${name}`))!;
  const [partition, last] = record!.warehouse_path.split('/').slice(-2);
  return {
    path: join(world.feed().warehouse, partition!, last!),
    key: `raw/default/${partition}/${record!.ingest_id}~${last}`,
  };
}

/** As one line: a screen breaks it. */
const said = async (world: World, command: string, ...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await world.run(command, args);
  assert.ok(code === 0 || command === 'queue-stat', `${command} ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout.replace(/\s+/g, ' ');
};

/** Stored files that wait for publishing, which is paused. */
async function waiting(t: TestContext, names: readonly string[]) {
  const made = await publisher(t, { options: { maxAttempts: 1 } });
  if (!made) return undefined;
  const { world, bucket } = made;
  const ingest = world.start('ingest');
  world.drop('first.csv', 'id\nfirst\n');
  await until('the first one is published', async () => (await objectsOf(bucket)).length === 1);
  await said(world, 'ingest-ctl', 'pause', 'publish', '--for', '1h', '--reason', 'to look at the bucket');
  for (const name of names) world.drop(name, `id\n${name}\n`);
  const stored = () => world.jobs().filter(({ stage, state }) => stage === 'publish' && state === 'ready').length;
  await until('all are stored', () => stored() === names.length);
  const held = (name: string) => world.jobs().find(({ key, state }) => key === name && state === 'held')?.hold_code;
  const goOn = () => said(world, 'ingest-ctl', 'resume', 'publish');
  return { world, bucket, ingest, held, goOn };
}

test('a foreign object, a changed or missing local file and a key that is refused hold their file alone, until retry', async (t) => {
  const cases: [name: string, code: string, sentence: RegExp][] = [
    ['taken.csv', 'object_taken', /another object lies at s3:\/\/.*~taken\.csv, and nothing is overwritten/],
    ['changed.csv', 'local_file_changed', /changed\.csv in the warehouse has not the bytes that were stored/],
    ['longer.csv', 'local_file_changed', /longer\.csv in the warehouse has not the bytes that were stored/],
    ['missing.csv', 'local_file_missing', /missing\.csv is gone, and it is not in the bucket yet: put it back/],
    ['refused.csv', 'object_refused', /the bucket refuses this object alone: .*this user may not write there/],
  ];
  const made = await waiting(t, [...cases.map(([name]) => name), 'good.csv']);
  if (!made) return;
  const { world, bucket, ingest, held, goOn } = made;
  const at = (name: string) => placeOf(world, name);
  await bucket.put(at('taken.csv').key, 'of somebody else');
  const bytes = readFileSync(at('changed.csv').path, 'utf8');
  writeFileSync(at('changed.csv').path, bytes.toUpperCase());
  writeFileSync(at('longer.csv').path, 'id\nlonger.csv\nand more\n');
  renameSync(at('missing.csv').path, join(world.root, 'aside'));
  await bucket.deny(['s3:PutObject'], 'raw/*refused.csv');
  await goOn();
  for (const [name, code, sentence] of cases) {
    assert.equal(await until(`${name} is held`, () => held(name)), code);
    assert.match(await said(world, 'ingest-ctl', 'explain', name), sentence);
  }
  await until('the others are published', async () => (await objectsOf(bucket)).length === 3);
  const list = await said(world, 'ingest-ctl', 'held', '--all');
  const stat = await said(world, 'queue-stat', '--all');
  for (const [name, code, sentence] of cases) {
    assert.ok(list.includes(name) && list.includes(code), `${code} is not in:\n${list}`);
    assert.match(list, sentence);
    assert.ok(stat.includes(`held in publish of default (${code})`), stat);
  }
  assert.deepEqual(
    world.gates().map(({ stage }) => stage),
    [],
  );
  await bucket.delete(at('taken.csv').key);
  writeFileSync(at('changed.csv').path, bytes);
  writeFileSync(at('longer.csv').path, 'id\nlonger.csv\n');
  renameSync(join(world.root, 'aside'), at('missing.csv').path);
  await bucket.allowAll();
  await said(world, 'ingest-ctl', 'retry', '--all');
  await until('all are published', async () => (await objectsOf(bucket)).length === cases.length + 2);
  await ingest.stop();
  assert.equal((await linesOf(bucket)).length, cases.length + 2);
  await checkBucket(bucket);
  world.check();
});

test('a key that is refused once is asked for again, and nobody is called', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  const key = /~a\.csv$/;
  // The HEAD that follows has no body, so it says no reason: a clock that was off looks the same.
  for (const [kind, fault] of [
    ['put', 'lose-answer'],
    ['head', { status: 403, code: 'RequestTimeTooSkewed' }],
  ] as const)
    proxy.add({ kind, key }, fault);
  world.drop('a.csv', 'id\na\n');
  await world.runOnce();
  assert.equal(world.log.named('file_retry').filter(({ code }) => code === 'object_refused').length, 1);
  assert.deepEqual(world.log.named('file_held'), []);
  assert.equal((await checkBucket(bucket)).length, 1);
  world.check();
});

test('--once does not wait for a store that fails at one object for ever: it ends with 4, and says so', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  const fails = proxy.add(
    { kind: 'put', key: /bad\.csv$/, times: Number.POSITIVE_INFINITY },
    { status: 500, code: 'InternalError' },
  );
  world.drop('bad.csv', 'id\n1\n');
  world.drop('good.csv', 'id\n2\n');
  const ended = await world.runOnce([], { code: 4 });
  assert.match(ended.stderr.replace(/\s+/g, ' '), /1 file stored and not published/);
  fails.end();
  await world.runOnce();
  assert.equal((await checkBucket(bucket)).length, 2);
});

test('a discard gives up the publication and keeps the file; a withdrawal of a held one ends', async (t) => {
  const made = await waiting(t, ['given-up.csv', 'withdrawn.csv']);
  if (!made) return;
  const { world, bucket, ingest, held, goOn } = made;
  const foreign = ['given-up.csv', 'withdrawn.csv'].map((name) => placeOf(world, name).key);
  for (const key of foreign) await bucket.put(key, 'of somebody else');
  await goOn();
  for (const name of ['given-up.csv', 'withdrawn.csv'])
    assert.equal(await until(`${name} is held`, () => held(name)), 'object_taken');
  const given = await world.run('ingest-ctl', ['discard', 'given-up.csv']);
  assert.match(
    given.stderr.replace(/\s+/g, ' '),
    /stays in the warehouse, with its line; only its publication is given up/,
  );
  assert.match(await said(world, 'ingest-ctl', 'explain', 'given-up.csv'), /It is not in the bucket: .*gave that up/);
  const answer = await said(world, 'ingest-ctl', 'withdraw', 'withdrawn.csv', '--reason', 'wrong month');
  assert.match(answer, /moves it to failed\/ of the work directory, then deletes its objects in the bucket/);
  await until('all jobs have ended', () => world.jobs().every(({ state }) => state === 'done'));
  await ingest.stop();
  assert.ok(world.failed().some(({ path }) => path.endsWith('withdrawn.csv')));
  assert.ok(files(world.feed().warehouse).some(({ path }) => path.endsWith('given-up.csv')));
  for (const key of foreign) {
    assert.equal((await bucket.body(key))?.toString(), 'of somebody else', 'a foreign object stays');
    await bucket.delete(key);
  }
  await world.runOnce();
  assert.equal((await linesOf(bucket)).length, 1);
  assert.equal((await objectsOf(bucket)).length, 1);
  await checkBucket(bucket);
});

test('a file whose key would be too long is held before it has a line', async (t) => {
  const made = await publisher(t, { options: { preserveSubdirs: true } });
  if (!made) return;
  const { world, bucket } = made;
  // Each byte of it has three in a key.
  const long = '%'.repeat(200);
  world.drop(`${long}/${long}.csv`, 'id\n1\n');
  world.drop('short.csv', 'id\n2\n');
  await world.runOnce([], { code: 4 });
  const list = await said(world, 'ingest-ctl', 'held', '--all');
  assert.match(list, /key_too_long/);
  assert.match(list, /its object would have a key of \d{4} bytes, and a bucket takes 1024/);
  assert.equal(world.manifest().length, 1);
  await said(world, 'ingest-ctl', 'discard', '--all');
  await world.runOnce();
  assert.equal(world.failed().length, 1);
  assert.equal((await linesOf(bucket)).length, 1);
  await checkBucket(bucket);
});

test('a withdrawal of a file whose local copy was removed says that nothing comes to failed/', async (t) => {
  const made = await publisher(t, { options: { keepLocal: '1s' } });
  if (!made) return;
  const { world, bucket } = made;
  world.drop('a.csv', 'id\n1\n');
  await publishedAndKept(world);
  const ingest = world.start('ingest');
  await until(
    'it is in the bucket alone',
    () => !files(world.feed().warehouse).some(({ path }) => path.endsWith('.csv')),
  );
  const answer = await said(world, 'ingest-ctl', 'withdraw', 'a.csv', '--reason', 'wrong month');
  assert.match(
    answer,
    /deletes its objects in the bucket; nothing comes to failed\/, because its local file was removed/,
  );
  await until('its object is gone', async () => (await objectsOf(bucket)).length === 0);
  await until('all jobs have ended', () => world.jobs().every(({ state }) => state === 'done'));
  await ingest.stop();
  assert.deepEqual(world.failed(), []);
});
