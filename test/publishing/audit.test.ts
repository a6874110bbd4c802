/** `ingest-ctl doctor` before a bucket is used, `ingest-ctl audit` and `explain` after. */
import assert from 'node:assert/strict';
import { renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { linesOf, objectsOf, publisher } from '../world/publisher.js';
import type { World } from '../world/world.js';

async function doctor(world: World, ...args: string[]): Promise<{ code: number | null; bucket: string[] }> {
  const { code, stdout } = await world.launch('ingest-ctl', ['doctor', ...world.flags('ingest'), ...args]).ended;
  return { code, bucket: stdout.split('\n').filter((line) => /^\w+ +bucket:/.test(line)) };
}

test('doctor tries the bucket as publishing would, says what is wrong and leaves nothing there', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  const fine = await doctor(world, '--verbose');
  const [answers, overwrites, large] = fine.bucket;
  assert.match(answers!, /^ok +bucket: warehouse-\d+ at http:\S+ answers, and may be written$/);
  assert.match(overwrites!, /^ok +bucket: it overwrites nothing \(If-None-Match\)$/);
  // A newer store knows the condition there, too.
  assert.match(
    large!,
    /^(ok +bucket: nor with a large file|warn +bucket: it does not know that condition for a large)/,
  );
  assert.deepEqual([await bucket.keys(), await bucket.uploads()], [[], []]);
  await bucket.deny(['s3:PutObject']);
  const denied = await doctor(world);
  assert.equal(denied.code, 3);
  assert.match(
    denied.bucket.join(),
    /^fail +bucket: the bucket .*: this user may not write there; give it the perm.*\(AccessDenied\)$/,
  );
  await bucket.allowAll();
  // A first start would take an object that the probe leaves for somebody else's.
  await bucket.deny(['s3:ListBucketMultipartUploads']);
  assert.equal((await doctor(world)).code, 3);
  await bucket.allowAll();
  assert.deepEqual([await bucket.keys(), await bucket.uploads()], [[], []]);
  await bucket.deny(['s3:DeleteObject']);
  const kept = await doctor(world);
  assert.equal(kept.code, 3);
  const [left] = await bucket.keys();
  assert.ok(
    kept.bucket.some((line) => line.includes(`the probe ${left} may be left there; remove it`)),
    kept.bucket.join(),
  );
  await bucket.allowAll();
  const { world: lost } = (await publisher(t, { options: { publish: `s3://${bucket.name}-not-there/raw` } }, bucket))!;
  const missing = await doctor(lost);
  assert.equal(missing.code, 3);
  assert.match(
    missing.bucket.join(),
    /^fail +bucket: .*: there is no such bucket; create it, or correct --publish \(NoSuch/,
  );
});

test('doctor refuses a bucket that overwrites', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  await bucket.keepVersions();
  const { code, bucket: found } = await doctor(world);
  assert.equal(code, 3);
  assert.match(
    found.join(),
    /^fail +bucket: it overwrites an object although If-None-Match forbids that; use another store/,
  );
  assert.deepEqual(await bucket.keys(), []);
});

test('audit finds an object that is gone, one that is another, and one that no line names', async (t) => {
  const made = await publisher(t, { options: { successMarkers: true } });
  if (!made) return;
  const { world, bucket } = made;
  for (const name of ['gone.csv', 'other.csv', 'good.csv']) world.drop(name, `id\n${name}\n`);
  await world.runOnce();
  const right = await world.run('ingest-ctl', ['audit']);
  assert.equal(right.code, 0, right.stdout);
  const keys = await objectsOf(bucket);
  const keyOf = (name: string) => keys.find((key) => key.endsWith(`~${name}`))!;
  const explained = await world.run('ingest-ctl', ['explain', 'good.csv']);
  assert.ok(
    explained.stdout.replace(/\s+/g, ' ').includes(`It is in the bucket as s3://${bucket.name}/${keyOf('good.csv')}`),
  );
  await bucket.delete(keyOf('gone.csv'));
  await bucket.put(keyOf('other.csv'), 'of somebody else');
  await bucket.put('raw/default/stray.csv', 'of nobody');
  // A marker of an hour is no file.
  await bucket.put('raw/default/_hours/2026/01/01/00/_SUCCESS', '{}\n');
  const { code, stdout } = await world.run('ingest-ctl', ['audit']);
  assert.notEqual(code, 0);
  const found = stdout.split('\n').filter((line) => /^object_/.test(line));
  const start = (kind: string, key: string) => `${kind.padEnd(19)} s3://${bucket.name}/${key}: `;
  assert.deepEqual(
    found.map((line) => line.slice(0, line.indexOf(': ', 25) + 2)).sort(),
    [
      start('object_differs', keyOf('other.csv')),
      start('object_missing', keyOf('gone.csv')),
      start('object_unknown', 'raw/default/stray.csv'),
    ],
    stdout,
  );
  assert.equal((await linesOf(bucket)).length, 3);
});

test('audit of a bucket that cannot be asked says so', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  world.drop('a.csv', 'id\n1\n');
  await world.runOnce();
  const { code, stderr } = await world.run('ingest-ctl', ['audit'], { env: { AWS_SECRET_ACCESS_KEY: 'wrong' } });
  assert.equal(code, 3);
  assert.match(
    stderr.replace(/\s+/g, ' '),
    /the credentials were refused: correct AWS_ACCESS_KEY_ID .*; then audit again/,
  );
  assert.equal((await objectsOf(bucket)).length, 1);
});

test('a pruned file of a feed that publishes is judged by its line; that it is not there is no difference', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world } = made;
  const { name } = world.drop('a.csv', 'id\n1\n');
  await world.runOnce();
  await world.run('ingest-ctl', ['prune', '--keep-history', '0d']);
  const file = join(world.feed().warehouse, world.warehouse()[0]!.path);
  assert.match(file, new RegExp(`${name}$`));
  const judged = async () =>
    (await world.run('ingest-ctl', ['audit', '--hash'])).stdout.match(/^(file_\w+|wrong_bytes)/gm) ?? [];
  assert.deepEqual(await judged(), []);
  renameSync(file, `${file}.old`);
  assert.deepEqual(await judged(), ['file_renamed']);
  unlinkSync(`${file}.old`);
  assert.deepEqual(await judged(), []);
  writeFileSync(file, 'id\n2\n');
  assert.deepEqual(await judged(), ['wrong_bytes']);
  unlinkSync(file);
  world.drop('empty.csv', '');
  await world.runOnce();
  await world.run('ingest-ctl', ['prune', '--keep-history', '0d']);
  unlinkSync(join(world.feed().warehouse, world.warehouse()[0]!.path));
  writeFileSync(join(dirname(file), '_SUCCESS'), '');
  assert.deepEqual(await judged(), [], 'a marker is no renamed file');
});

test('after a prune of all records nothing in the bucket is unknown; what nobody published is', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  world.drop('a.csv', 'id\n1\n');
  await world.runOnce();
  const pruned = await world.run('ingest-ctl', ['prune', '--keep-history', '0d']);
  assert.match(pruned.stdout, /the records of 1 contents forgotten/);
  await world.run('ingest-ctl', ['audit']);
  await bucket.put('raw/default/stray.csv', 'of nobody');
  const { stdout } = await world.run('ingest-ctl', ['audit']);
  assert.deepEqual(stdout.match(/^object_\w+ +\S+/gm), [
    `object_unknown      s3://${bucket.name}/raw/default/stray.csv:`,
  ]);
});
