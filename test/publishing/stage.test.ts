/** A feed with a bucket: what comes there, and what an operator sees. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBucket, linesOf, objectsOf, published, publisher } from '../world/publisher.js';

test('files come into the bucket, each once, with a line that names the object', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  world.drop('a.csv', 'id\n1\n');
  world.drop('b.csv', 'id\n2\n');
  world.drop('again.csv', 'id\n1\n');
  const ended = await world.run('ingest', ['--once']);
  assert.equal(ended.code, 0, ended.stderr);
  await published(bucket, 2);
  await checkBucket(bucket);
  const keys = await objectsOf(bucket);
  assert.match(keys[0]!, /^raw\/default\/ingest_date=\d{4}-\d\d-\d\d\/[0-9A-Z]{26}~a\.csv$/);
  const [line] = await linesOf(bucket);
  assert.equal(line!.warehouse_path, `s3://${bucket.name}/${keys[0]}`);
  world.check();
});
