/** Versions: the queue's own and those of the caller's modules. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { type Module, openQueue, openQueueView, QueueError } from '../../../queue/index.js';
import { host } from '../../../src/linux/index.js';
import { candidate } from '../world.js';
import { newStateDir } from './kind.js';

const FIRST = 'CREATE TABLE notes (text TEXT) STRICT';
const SECOND = "ALTER TABLE notes ADD COLUMN colour TEXT DEFAULT 'blue'";
const open = (path: string, ...migrations: string[]) =>
  openQueue({
    path,
    host: host(),
    stages: ['only'],
    title: 'test',
    maxAttempts: 3,
    modules: migrations.length > 0 ? [{ name: 'notes', migrations }] : [],
  });
const refusal = (code: string) => (error: unknown) =>
  error instanceof QueueError && error.code === code && error.exitCode === 3;
const backups = (dir: string) => readdirSync(dir).filter((name) => name.endsWith('.backup'));

test('an older state is backed up and brought to what this build knows, with its jobs', async () => {
  const { dir, path, remove } = newStateDir();
  const old = await open(path, FIRST);
  await old.enqueue([candidate('a')]);
  await old.transact((tx) => tx.run("INSERT INTO notes VALUES ('before')"));
  const { uuid } = old;
  await old.close();
  assert.deepEqual(backups(dir), [], 'a new state has nothing to back up');

  const now = await open(path, FIRST, SECOND);
  assert.deepEqual(
    now.read((rows) => rows.all('SELECT * FROM notes')),
    [{ text: 'before', colour: 'blue' }],
  );
  assert.equal((await now.claim('only', 1)).length, 1);
  assert.equal(now.uuid, uuid);
  await now.close();
  const [backup, ...more] = backups(dir);
  assert.deepEqual(more, []);
  const copy = new Database(join(dir, backup!), { readonly: true });
  assert.deepEqual(copy.prepare('SELECT * FROM notes').all(), [{ text: 'before' }]);
  copy.close();
  assert.equal(statSync(join(dir, backup!)).mode & 0o077, 0);
  remove();
});

test('a newer state is refused, by owners and by viewers, and not touched', async () => {
  const { dir, path, remove } = newStateDir();
  await (await open(path, FIRST, SECOND)).close();
  const before = statSync(path).mtimeMs;
  await assert.rejects(open(path, FIRST), refusal('newer_database'));
  await assert.rejects(open(path), refusal('newer_database'));
  const modules: Module[] = [{ name: 'notes', migrations: [FIRST] }];
  await assert.rejects(openQueueView({ path, host: host(), stages: ['only'], modules }), refusal('newer_database'));
  assert.equal(statSync(path).mtimeMs, before);
  assert.deepEqual(backups(dir), []);
  remove();
});

test('an older state is not migrated by who only looks at it', async () => {
  const { path, remove } = newStateDir();
  await (await open(path, FIRST)).close();
  const modules: Module[] = [{ name: 'notes', migrations: [FIRST, SECOND] }];
  await assert.rejects(openQueueView({ path, host: host(), stages: ['only'], modules }), refusal('older_database'));
  remove();
});

test('a state that a newer build changes under a running process is no longer claimed from', async () => {
  const { path, remove } = newStateDir();
  const old = await open(path, FIRST);
  await old.enqueue([candidate('a')]);
  const now = await open(path, FIRST, SECOND);
  await assert.rejects(old.claim('only', 1), refusal('newer_database'));
  assert.throws(() => old.checkStillOurs(), refusal('newer_database'));
  assert.equal((await now.claim('only', 1)).length, 1);
  await now.close();
  await old.close();
  remove();
});

test('a migration that fails leaves the state as it was', async () => {
  const { path, remove } = newStateDir();
  await (await open(path, FIRST)).close();
  await assert.rejects(open(path, FIRST, `${SECOND}; SELECT nonsense()`));
  const still = await open(path, FIRST);
  assert.deepEqual(
    still.read((rows) => rows.all('SELECT * FROM notes')),
    [],
  );
  await still.close();
  assert(existsSync(path));
  remove();
});
