/** An address, an option or a withdrawal that comes while a file is moved, taken out or removed: nothing is left out, or at the wrong place. */
import assert from 'node:assert/strict';
import { readdirSync, rmdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Faults, faultsIn } from '../world/faults.js';
import { workDirOf } from '../world/layout.js';
import { loseState, rebuilt } from '../world/lost.js';
import {
  checkBucket,
  correctionsOf,
  linesOf,
  objectsOf,
  type Publisher,
  type PublisherOptions,
  published,
  publishedAndKept,
  publisher,
} from '../world/publisher.js';
import { rowsOf } from '../world/state-by-hand.js';
import { files } from '../world/tree.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';

type Made = Publisher & { faults: Faults };

async function faulty(t: TestContext, what: string, options?: PublisherOptions): Promise<Made | undefined> {
  const made = await publisher(t, options);
  const faults = made && faultsIn(made.world.root);
  if (made && !faults) t.skip(`${what} was not tested: there is no gcc`);
  return faults && { ...made, faults };
}

const withdraw = async (world: World, sha256: string): Promise<void> => {
  world.withdrawn.add(sha256);
  const { code, stderr } = await world.run('ingest-ctl', ['withdraw', sha256, '--reason', 'a test']);
  assert.equal(code, 0, stderr);
};

/** Some process has entered the bucket, and looked through all contents. */
const entered = (world: World, bucket: string): Promise<unknown> =>
  until(`${bucket} is entered`, () =>
    JSON.stringify(rowsOf(world, 'SELECT address FROM buckets WHERE cursor IS NULL')).includes(`//${bucket}/`),
  );

test('a file that is moved while its feed gets another address is published there, under its prefix', async (t) => {
  const made = await faulty(t, 'a move while the address changes');
  if (!made) return;
  const { world, bucket, faults } = made;
  const other = await bucket.another();
  const flags = world.flags('ingest-producer');
  const elsewhere = flags.map((flag) => flag.replace(`//${bucket.name}/raw`, `//${other.name}/other`));
  faults.arm('hangs_at_one', 0);
  const workers = [1, 2].map(() => world.start('ingest-worker', [], { env: faults.env }));
  const first = world.launch('ingest-producer', flags);
  world.drop('hanging.csv', 'id\n1\n');
  await until('its rename hangs', () => faults.kills() > 0);
  await first.stop();
  const second = world.launch('ingest-producer', elsewhere);
  await entered(world, other.name);
  faults.arm('before_move', 0);
  await until('its object is there', async () => (await other.keys('other/default/ingest_date=')).length === 1);
  await until('no line waits', () => rowsOf(world, 'SELECT 1 FROM part_lines').length === 0);
  for (const program of [second, ...workers]) await program.stop();
  const [key] = await other.keys('other/default/ingest_date=');
  const parts = await other.keys('other/default/_manifests/');
  const lines = await Promise.all(parts.map(async (part) => String(await other.body(part))));
  assert.ok(lines.join('').includes(`"s3://${other.name}/${key}"`), `${lines}`);
  assert.deepEqual(await other.keys('raw/'), []);
});

test('a withdrawal that began without the bucket takes the object back, where the feed has it again meanwhile', async (t) => {
  const made = await faulty(t, 'a withdrawal while an option comes back');
  if (!made) return;
  const { world, bucket, faults } = made;
  const flags = world.flags('ingest-producer');
  // Too large to be read in one go: the process goes on while its reading hangs.
  const { sha256 } = world.drop('hanging.csv', 2 << 20);
  await world.runOnce();
  await entered(world, bucket.name);
  const [stored] = world.warehouse();
  // Its bytes are read before it is taken out.
  utimesSync(join(world.feed().warehouse, stored!.path), 1e9, 1e9);
  const workers = [1, 2].map(() => world.start('ingest-worker', [], { env: faults.env }));
  const without = world.launch(
    'ingest-producer',
    flags.filter((flag) => !flag.startsWith('--publish')),
  );
  await until('the option is away', () => rowsOf(world, 'SELECT 1 FROM buckets WHERE cursor = -1').length === 1);
  faults.arm('hangs_reading', 0);
  await withdraw(world, sha256);
  await until('it is being taken out', () => faults.kills() > 0);
  await without.stop();
  const again = world.launch('ingest-producer', flags);
  await entered(world, bucket.name);
  faults.arm('before_move', 0);
  await until('its line is taken back', async () => (await correctionsOf(bucket)).length === 1);
  await until('its object is gone', async () => (await objectsOf(bucket)).length === 0);
  for (const program of [again, ...workers]) await program.stop();
});

/** Published, and killed in the middle of `--keep-local`: the local file is set aside, and was not compared. */
async function setAside({ world, faults }: Made): Promise<string> {
  const { sha256 } = world.drop('a.csv', 'id\n1\n');
  await publishedAndKept(world);
  faults.armForAll('gone');
  const program = world.start('ingest', [], { env: faults.env });
  await until('it is killed there', () => faults.kills() === 1 && !program.running);
  await world.killAll();
  assert.match(localOf(world), /gone\./);
  return sha256;
}

const localOf = (world: World): string => files(world.feed().warehouse).find(({ path }) => path.endsWith('.csv'))!.path;

test('a local file that was set aside when its process was killed is published at another address', async (t) => {
  const made = await faulty(t, 'a file that was set aside, at another address', { options: { keepLocal: '1s' } });
  if (!made) return;
  const { world, bucket } = made;
  await setAside(made);
  const other = await bucket.another();
  const flags = world.flags('ingest').filter((flag) => !flag.startsWith('--keep-local'));
  const elsewhere = flags.map((flag) => flag.replace(`//${bucket.name}/`, `//${other.name}/`));
  const { code, stderr } = await world.launch('ingest', [...elsewhere, '--once']).ended;
  assert.equal(code, 0, stderr);
  assert.equal((await linesOf(other)).length, 1);
  await checkBucket(other);
  assert.match(localOf(world), /^ingest_date=[^/]*\/a\.csv$/);
});

test('a local file that was set aside when its process was killed has its name again where the state is lost then', async (t) => {
  const made = await faulty(t, 'a file that was set aside, and a lost state', { options: { keepLocal: '1s' } });
  if (!made) return;
  const { world, bucket } = made;
  await setAside(made);
  // Somebody has removed the empty folder of its day.
  rmdirSync(
    join(world.feed().warehouse, readdirSync(world.feed().warehouse).find((name) => name.startsWith('ingest_date='))!),
  );
  loseState(world);
  await rebuilt(world);
  assert.match(localOf(world), /^ingest_date=[^/]*\/a\.csv$/);
  await world.runOnce();
  assert.deepEqual(
    files(world.feed().warehouse).filter(({ path }) => path.endsWith('.csv')),
    [],
    'it goes again, because the bucket has it',
  );
  const audit = await world.run('ingest-ctl', ['audit']);
  assert.equal(audit.code, 0, audit.stdout);
  await checkBucket(bucket);
});

test('a local file that was set aside when its process was killed comes to failed/ when its content is withdrawn', async (t) => {
  const made = await faulty(t, 'a file that was set aside, and withdrawn', { options: { keepLocal: '1s' } });
  if (!made) return;
  const { world, bucket } = made;
  await withdraw(world, await setAside(made));
  await world.runOnce();
  assert.deepEqual([await objectsOf(bucket), (await correctionsOf(bucket)).length], [[], 1]);
  assert.deepEqual(
    files(world.feed().warehouse).filter(({ path }) => path.endsWith('.csv')),
    [],
  );
  assert.equal(files(join(workDirOf(world.feed()), 'failed')).length, 1);
});

test('a local file that is read to be removed holds up no line, and gets its name back where the service ends meanwhile', async (t) => {
  const made = await faulty(t, 'a large local file under --keep-local', { options: { keepLocal: '1s' } });
  if (!made) return;
  const { world, bucket, faults } = made;
  // Too large to be read in one go: the process goes on while its reading hangs.
  world.drop('hanging.csv', 2 << 20);
  await publishedAndKept(world);
  faults.arm('hangs_reading', 0);
  const program = world.start('ingest', [], { env: faults.env });
  await until('it is being read', () => faults.kills() > 0);
  assert.match(localOf(world), /gone\./);
  world.drop('b.csv', 'id\n1\n');
  await published(bucket, 2);
  const ended = program.stop();
  await world.event('drain_waiting');
  faults.arm('before_move', 0);
  assert.equal((await ended).code, 0);
  const local = () => files(world.feed().warehouse).filter(({ path }) => path.endsWith('hanging.csv'));
  assert.deepEqual(
    local().map(({ path }) => path.split('/').length),
    [2],
  );
  for (const failed of ['gate_closed', 'worker_lost']) assert.deepEqual(world.log.named(failed), []);
  await world.runOnce();
  assert.deepEqual(local(), [], 'the next start removes it');
  await checkBucket(bucket);
});
