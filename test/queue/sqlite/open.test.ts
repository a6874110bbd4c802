/**
 * Opening a state: allowed paths, ownership, and viewers.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openQueue, openQueueView, QueueError } from '../../../queue/index.js';
import { Owners } from '../../../queue/owners.js';
import { host } from '../../../src/linux/index.js';
import { candidate } from '../world.js';
import { newStateDir } from './kind.js';

const options = (path: string) => ({ path, host: host(), stages: ['only'], title: 'test', maxAttempts: 3 });
const refusal = (code: string, text?: RegExp) => (error: unknown) =>
  error instanceof QueueError && error.code === code && error.exitCode === 3 && (text ?? /./).test(error.message);
const everything = (dir: string) =>
  readdirSync(dir).map((name) => [
    name,
    statSync(join(dir, name)).mtimeMs,
    createHash('sha256')
      .update(readFileSync(join(dir, name)))
      .digest('hex'),
  ]);

test('a state and its companions are nobody else’s business', async () => {
  const { dir, path, remove } = newStateDir();
  const queue = await openQueue(options(path));
  for (const name of readdirSync(dir)) assert.equal(statSync(join(dir, name)).mode & 0o077, 0, name);
  assert(readdirSync(dir).includes('state.db.owners') && readdirSync(dir).includes('state.db.doorbell'));
  await queue.close();
  remove();
});

test('files that root creates beside a state belong to the state’s owner', {
  skip: process.geteuid?.() !== 0 && 'not run as root: the giving of files was not tested',
}, async () => {
  const { dir, path, remove } = newStateDir();
  await (await openQueue(options(path))).close();
  for (const name of readdirSync(dir)) if (name !== 'state.db') rmSync(join(dir, name));
  chownSync(path, 4711, 4712);
  const queue = await openQueue(options(path));
  await queue.enqueue([candidate('a')]);
  assert(readdirSync(dir).length >= 5);
  for (const name of readdirSync(dir))
    assert.deepEqual([statSync(join(dir, name)).uid, statSync(join(dir, name)).gid], [4711, 4712], name);
  await queue.close();
  remove();
});

test('a start waits while a file that SQLite made as root is not given to the owner of the state yet', {
  skip: process.geteuid?.() !== 0 && 'not run as root: a start beside a command of root was not tested',
}, async () => {
  const { dir, path, remove } = newStateDir();
  await (await openQueue(options(path))).close();
  for (const name of ['.', ...readdirSync(dir)]) chownSync(join(dir, name), 4711, 4712);
  writeFileSync(`${path}-shm`, '', { mode: 0o600 });
  process.seteuid!(4711);
  try {
    const started = openQueue(options(path));
    await new Promise((resolve) => setImmediate(resolve)); // it has tried once
    process.seteuid!(0);
    chownSync(`${path}-shm`, 4711, 4712);
    process.seteuid!(4711);
    await (await started).close();
  } finally {
    process.seteuid!(0);
  }
  remove();
});

test('a process that waits until another one has migrated the state says so, once', async () => {
  const { path, remove } = newStateDir();
  await (await openQueue(options(path))).close();
  const first = new Owners(host(), `${path}.owners`);
  assert.equal(await first.enter(() => 'as nobody left it'), true);
  let said = 0;
  const onMigration = () => {
    said += 1;
    first.entered();
  };
  await (await openQueue({ ...options(path), onMigration })).close();
  assert.equal(said, 1);
  first.close();
  remove();
});

test('the settings that put acknowledged data on the disk, safe from a power cut', async () => {
  const { path, remove } = newStateDir();
  const queue = await openQueue(options(path));
  const setting = (name: string) => Object.values(queue.read((rows) => rows.get<object>(`PRAGMA ${name}`)) ?? {})[0];
  assert.deepEqual([setting('journal_mode'), setting('synchronous'), setting('busy_timeout')], ['wal', 2, 0]);
  await queue.close();
  remove();
});

test('a state that is removed or replaced under a running process is noticed', async () => {
  const { dir, path, remove } = newStateDir();
  const queue = await openQueue(options(path));
  queue.checkStillOurs();
  renameSync(path, join(dir, 'elsewhere.db'));
  assert.throws(() => queue.checkStillOurs(), refusal('state_replaced', /was removed/));
  writeFileSync(path, '');
  assert.throws(() => queue.checkStillOurs(), refusal('state_replaced', /was replaced/));
  rmSync(path);
  renameSync(join(dir, 'elsewhere.db'), path);
  queue.checkStillOurs();
  await queue.close();
  remove();
});

test('a file of locks that is removed or replaced under a running process is noticed', async () => {
  const { dir, path, remove } = newStateDir();
  const queue = await openQueue(options(path));
  renameSync(`${path}.owners`, join(dir, 'locks'));
  assert.throws(() => queue.checkStillOurs(), refusal('state_replaced', /\.owners was removed .*who lives/));
  const other = await openQueue(options(path));
  assert.throws(() => queue.checkStillOurs(), refusal('state_replaced', /\.owners was replaced/));
  other.checkStillOurs();
  for (const one of [queue, other]) await one.close();
  remove();
});

test('a path that cannot be a state is refused with a sentence', async () => {
  const { dir, path, remove } = newStateDir();
  await assert.rejects(openQueue(options(join(dir, 'none', 'state.db'))), refusal('state_unusable', /does not exist/));
  await assert.rejects(openQueue({ ...options(path), create: false }), refusal('state_missing', /no state at/));
  await assert.rejects(openQueueView(options(path)), refusal('state_missing'));
  mkdirSync(join(dir, 'folder.db'));
  await assert.rejects(openQueue(options(join(dir, 'folder.db'))), QueueError);
  writeFileSync(path, 'feeds: [default]\n'.repeat(100));
  await assert.rejects(openQueue(options(path)), refusal('state_not_a_database'));
  assert.match(readFileSync(path, 'utf8'), /^feeds/);
  remove();
});

test('a viewer sees everything and writes nothing, while others work and when all are down', async () => {
  const { dir, path, remove } = newStateDir();
  const queue = await openQueue(options(path));
  await queue.putFeed('default', { colour: 'blue' });
  await queue.enqueue([candidate('a'), candidate('b')]);
  const before = everything(dir).filter(([name]) => !String(name).endsWith('-shm'));
  const view = await openQueueView(options(path));
  const look = () => {
    assert.deepEqual(view.feeds(), [{ name: 'default', options: { colour: 'blue' } }]);
    assert.equal(view.stats()[0]?.ready, 2);
    assert.deepEqual(
      view.owners().map(({ title, alive }) => [title, alive]),
      [['test', true]],
    );
    assert.equal(view.jobsByKey('default', Buffer.from('a')).length, 1);
    assert.deepEqual([view.gates(), view.counters(), view.held({ limit: 1 })], [[], [], []]);
    view.checkStillOurs();
  };
  look();
  assert.throws(
    () => view.read((rows) => rows.all('DELETE FROM jobs RETURNING id')),
    /readonly|read-only|attempt to write/,
  );
  assert.deepEqual(
    everything(dir).filter(([name]) => !String(name).endsWith('-shm')),
    before,
  );
  await view.close();
  await queue.close();

  const bytes = readFileSync(path);
  chmodSync(path, 0o400);
  const alone = await openQueueView(options(path));
  assert.equal(alone.stats()[0]?.ready, 2);
  assert.deepEqual(alone.owners(), []);
  await alone.close();
  assert(readFileSync(path).equals(bytes));
  remove();
});
