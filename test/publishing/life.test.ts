/** Events in the life of published contents: withdrawn, allowed again, removed here, lost and rebuilt. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { BY_COUNTRY, changeChain, orders } from '../world/chains.js';
import { ctl } from '../world/jobs.js';
import { workDirOf } from '../world/layout.js';
import { loseState, rebuilt, stoppedBefore } from '../world/lost.js';
import { checkBucket, correctionsOf, linesOf, objectsOf, published, publisher } from '../world/publisher.js';
import { files } from '../world/tree.js';
import { until } from '../world/waiting.js';

/** By hand: `STORED=10000 node --test dist/test/publishing/life.test.js`. */
const STORED = Number(process.env.STORED ?? 30);

test('a withdrawn content gets its correction first, then its object goes; allowed again it comes as another object', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  const ingest = world.start('ingest');
  world.drop('a.csv', 'id\n1\n');
  world.drop('b.csv', 'id\n2\n');
  await published(bucket, 2);
  await world.run('ingest-ctl', ['withdraw', 'a.csv', '--reason', 'wrong month']);
  await until('its object is gone', async () => (await objectsOf(bucket)).length === 1);
  const [back] = await correctionsOf(bucket);
  const [line] = (await linesOf(bucket)).filter(({ path }) => String(path).endsWith('a.csv'));
  assert.deepEqual(
    [back!.correction, back!.ingest_id, back!.reason, back!.warehouse_path],
    ['withdrawn', line!.ingest_id, 'wrong month', line!.warehouse_path],
  );
  await until('the withdrawal has ended', () => world.jobs().every(({ state }) => state === 'done'));
  await world.run('ingest-ctl', ['allow-again', 'a.csv', '--reason', 'corrected']);
  world.drop('a.csv', 'id\n1\n');
  await published(bucket, 3);
  await ingest.stop();
  await checkBucket(bucket);
  assert.equal((await objectsOf(bucket)).length, 2);
});

test('--keep-local removes the local file once the bucket has it; audit, explain and a duplicate know where it is', async (t) => {
  const made = await publisher(t, { options: { keepLocal: '1s', onDuplicate: 'delete' } });
  if (!made) return;
  const { world, bucket } = made;
  const ingest = world.start('ingest');
  world.drop('a.csv', 'id\n1\n');
  await published(bucket, 1);
  await until('the local file is gone', () => !files(world.feed().warehouse).some(({ path }) => path.endsWith('.csv')));
  world.drop('again.csv', 'id\n1\n');
  const { kept } = await world.event('file_skipped_duplicate');
  assert.equal(kept, false, 'the bucket has it');
  await ingest.stop();
  const explained = await world.run('ingest-ctl', ['explain', 'a.csv']);
  assert.match(explained.stdout, /in the bucket as s3:\/\/.*its local file was removed/);
  const audit = await world.run('ingest-ctl', ['audit']);
  assert.equal(audit.code, 0, audit.stdout);
  // The option is taken away, and what was removed here stays where it is.
  const alone = world.flags('ingest').filter((flag) => !/^--(publish|keep-local)/.test(flag));
  await world.launch('ingest', ['--once', ...alone]).ended;
  const after = await world.launch('ingest-ctl', ['audit', '--state-path', world.statePath]).ended;
  assert.equal(after.code, 0, after.stdout);
});

test('a lost state is rebuilt: what is in the bucket is read there, nothing comes twice, and the rest is published', async (t) => {
  const made = await publisher(t, { options: { keepLocal: '1h' } });
  if (!made) return;
  const { world, bucket } = made;
  for (const n of [1, 2, 3]) world.drop(`f${n}.csv`, `id\n${n}\n`);
  await world.run('ingest', ['--once']);
  await published(bucket, 3);
  await world.run('ingest-ctl', ['withdraw', 'f3.csv', '--reason', 'wrong']);
  await world.run('ingest', ['--once']);
  loseState(world);
  await rebuilt(world);
  world.drop('f4.csv', 'id\n4\n');
  world.drop('f1-again.csv', 'id\n1\n');
  const ended = await world.run('ingest', ['--once']);
  assert.equal(ended.code, 0, ended.stderr);
  await published(bucket, 4);
  await checkBucket(bucket);
  assert.equal((await correctionsOf(bucket)).length, 1);
  assert.equal((await objectsOf(bucket)).length, 3);
});

test('a state is lost while the original of a stored file was left beside its copy: its line names the outputs of its chain', async (t) => {
  const made = await publisher(t, { feedNames: ['made'] });
  if (!made) return;
  const { world, bucket } = made;
  changeChain(world, 'made', BY_COUNTRY);
  const program = world.start('ingest');
  await world.event('worker_started');
  await ctl(world, 'pause', 'publish');
  const { text } = orders('lost', 20);
  await world.isStored(world.drop('a.csv', text, { feed: 'made' }));
  await program.stop();
  const { ingest_id } = world.manifest()[0]!.record!;
  writeFileSync(join(workDirOf(world.feed('made')), 'underprocess', `${ingest_id}~a.csv`), text);
  loseState(world);
  await rebuilt(world);
  await world.runOnce();
  assert.equal((await linesOf(bucket, 'made')).length, 1);
  await checkBucket(bucket, 'made');
});

test('a rebuild over a state whose files wait for the bucket: they end as stored, and are published', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  await stoppedBefore(world, 'publish', () => world.drop('a.csv', 'id\n1\n'), 1);
  await rebuilt(world);
  await ctl(world, 'pause', 'move');
  await ctl(world, 'resume', 'publish');
  const program = world.start('ingest');
  await published(bucket, 1);
  await program.stop();
  assert.deepEqual(world.log.named('file_skipped_duplicate'), []);
  assert.deepEqual(
    world.jobs().map(({ ending }) => ending),
    ['stored'],
  );
  await checkBucket(bucket);
});

test('a state that is lost with its manifests: the bucket says what was published, and the same bytes are duplicates', async (t) => {
  const made = await publisher(t, { options: { keepLocal: '1h' } });
  if (!made) return;
  const { world, bucket } = made;
  world.drop('a.csv', 'id\n1\n');
  world.drop('wrong.csv', 'id\n0\n');
  await world.run('ingest', ['--once']);
  await world.run('ingest-ctl', ['withdraw', 'wrong.csv', '--reason', 'wrong']);
  await world.run('ingest', ['--once']);
  loseState(world);
  const { manifests, warehouse } = world.feed();
  for (const root of [manifests, warehouse])
    for (const name of readdirSync(root))
      if (/^\d{4}$|^ingest_date=/.test(name)) rmSync(join(root, name), { recursive: true });
  await rebuilt(world);
  world.drop('b.csv', 'id\n2\n');
  await world.run('ingest', ['--once']);
  world.drop('a-again.csv', 'id\n1\n');
  await world.run('ingest', ['--once']);
  assert.deepEqual(
    (await objectsOf(bucket)).map((key) => key.slice(key.indexOf('~'))),
    ['~a.csv', '~b.csv'],
  );
  assert.deepEqual(
    world.log.named('file_skipped_duplicate').map(({ path }) => basename(String(path))),
    ['a-again.csv'],
  );
  const { stdout } = await world.run('ingest-ctl', ['audit']);
  assert.doesNotMatch(stdout, /^object_/m);
});

test('--once ends beside a withdrawal that is held, also with --keep-local', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world } = made;
  const { sha256 } = world.drop('a.csv', 'id\n1\n');
  await world.run('ingest', ['--once']);
  writeFileSync(join(world.feed().warehouse, world.warehouse()[0]!.path), 'other');
  await world.run('ingest-ctl', ['withdraw', sha256, '--reason', 'wrong']);
  await world.run('ingest', ['--once']);
  assert.ok(world.jobs().some(({ hold_code }) => hold_code === 'withdrawn_file_differs'));
  const ended = await world.run('ingest', ['--once', '--keep-local', '1s']);
  assert.equal(ended.code, 4, ended.stderr);
});

test('a state with stored files gets the option: all are published; one that had left before is counted, once', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  for (let n = 0; n < STORED; n++) world.drop(`f${n}.csv`, `id\n${n}\n`);
  const without = world.flags('ingest').filter((flag) => !flag.startsWith('--publish'));
  await world.launch('ingest', [...without, '--once']).ended;
  assert.deepEqual(await objectsOf(bucket), []);
  rmSync(join(world.feed().warehouse, files(world.feed().warehouse).find(({ path }) => path.endsWith('.csv'))!.path));
  const ended = await world.run('ingest', ['--once']);
  assert.equal(ended.code, 0, ended.stderr);
  await published(bucket, STORED - 1);
  assert.equal(world.log.named('file_not_published').length, 1);
  await checkBucket(bucket);
});
