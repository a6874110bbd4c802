/** Readers of a bucket, as docs/consumers.md has them: the shell loop against a real store, the query in DuckDB over the same parts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { objectsOf, published, publisher } from '../world/publisher.js';
import { until } from '../world/waiting.js';
import { blockOf } from './documents.js';

const LOAD = 'cat "$DONE/part"';
const codeOf = (language: string): string => blockOf('docs/consumers.md', language, 'In a bucket');

test('a reader of parts goes on where it stopped, and finds each object that was not taken back; a failure is an error', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  const done = join(world.root, 'done');
  mkdirSync(done);
  const loop = codeOf('sh');
  assert.ok(loop.includes(LOAD), 'the place for the load');
  const reader = (secretKey: string, endpoint = bucket.endpoint, name = bucket.name, script = loop) => {
    const FEED = `${endpoint}/${name}/raw/default`;
    const env = { ...process.env, FEED, KEYS: `${bucket.accessKey}:${secretKey}`, DONE: done, LOOP: loop };
    return spawnSync('sh', ['-c', script], { env, encoding: 'utf8' });
  };
  const reading = (load: string) =>
    reader(bucket.secretKey, undefined, undefined, loop.replace(LOAD, `${LOAD}; ${load}`));
  const read = (): string[] => {
    const { status, stdout, stderr } = reader(bucket.secretKey);
    assert.equal(status, 0, stderr);
    return stdout.trim().split('\n').filter(Boolean);
  };
  for (const n of [1, 2]) world.drop(`f${n}.csv`, `id\n${n}\n`);
  await world.runOnce();
  await published(bucket, 2);
  assert.equal(read().length, 2);
  assert.deepEqual(read(), []);
  world.drop('f3.csv', 'id\n3\n');
  await world.run('ingest-ctl', ['withdraw', 'f1.csv', '--reason', 'a test']);
  await world.runOnce();
  await until('its object is gone', async () => (await objectsOf(bucket)).length === 2);
  const refused = reader('a wrong key');
  assert.deepEqual([refused.status, refused.stdout, refused.stderr], [1, '', 'the store answered 403\n']);
  assert.notEqual(reader(bucket.secretKey, 'http://127.0.0.1:1').status, 0, 'nobody is there');
  const missing = reader(bucket.secretKey, bucket.endpoint, 'no-such-bucket');
  assert.deepEqual([missing.status, missing.stdout, missing.stderr], [1, '', 'the store answered 404\n']);
  const second = reading('sh -c "$LOOP" || false');
  assert.deepEqual([second.status, second.stderr], [1, `another run is at work in ${done}\n`]);
  // The shell is killed where it writes into a file.
  assert.equal(reading('ulimit -f 0').signal, 'SIGXFSZ');
  assert.equal(read().length, 2, 'a line, and a correction, and no part of before');

  for (const key of await bucket.keys('raw/default/_manifests/'))
    writeFileSync(join(done, basename(key)), (await bucket.body(key))!);
  const sql = codeOf('sql').replace('s3://lake/raw/orders/_manifests', done);
  assert.ok(sql.includes(done));
  const duck = await (await DuckDBInstance.create(':memory:')).connect();
  const rows = (await duck.runAndReadAll(sql)).getRows().flat();
  const objects = (await objectsOf(bucket)).map((key) => `s3://${bucket.name}/${key}`);
  assert.deepEqual(rows.sort(), objects);
});
