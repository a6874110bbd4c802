/**
 * A copy of a state that is older than later changes: nothing in it is claimed, and no number is used again.
 */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { copyOlderQueue, openQueue } from '../../../queue/index.js';
import { host } from '../../../src/linux/index.js';
import { candidate } from '../world.js';
import { newStateDir } from './kind.js';

const MODULES = [
  { name: 'notes', migrations: ['CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT)'] },
];
const open = (path: string) =>
  openQueue({ path, host: host(), stages: ['only'], title: 'test', maxAttempts: 3, modules: MODULES });

test('claims are given back, owners forgotten, and numbers continue far after the earlier ones', async () => {
  const { path, remove } = newStateDir();
  const before = await open(path);
  await before.enqueue([candidate('a'), candidate('b')]);
  const [job] = await before.claim('only', 1);
  await before.transact((tx) => {
    tx.run("INSERT INTO notes (text) VALUES ('kept')");
    tx.closeGate({ feed: '*', stage: 'only', cause: 'pause', place: '', code: 'paused', reason: 'by a test' });
  });
  const gates = before.gates();
  // Copied beside its owner, whose log is not checkpointed.
  const copy = `${path}.copy`;
  copyOlderQueue(path, copy, MODULES);
  assert.equal(statSync(copy).mode & 0o077, 0);
  assert.equal(before.job(job!.id)?.state, 'claimed', 'the older one stays as it is');
  await before.close();

  const db = new Database(copy, { readonly: true });
  assert.deepEqual(db.prepare('SELECT * FROM owners').all(), []);
  db.close();
  const now = await open(copy);
  const { state, attempts, interrupted } = now.job(job!.id)!;
  assert.deepEqual([state, attempts, interrupted], ['ready', 0, true]);
  assert.deepEqual(now.gates(), gates, 'a pause stays');
  assert(now.owner > before.owner + 1_000);
  await now.transact((tx) => tx.openGate({ feed: '*', stage: 'only', cause: 'pause', place: '' }));
  const again = (await now.claim('only', 2)).find(({ id }) => id === job!.id);
  assert(again!.claimNo > job!.claimNo + 1_000);
  const { lastInsertRowid } = await now.transact((tx) => tx.run("INSERT INTO notes (text) VALUES ('new')"));
  assert(Number(lastInsertRowid) > 1_000);
  await now.close();
  remove();
});

test('a state with inconsistent pages is not copied', async () => {
  const { path, remove } = newStateDir();
  const queue = await open(path);
  await queue.enqueue(Array.from({ length: 500 }, (_, n) => candidate(`job ${n}`)));
  await queue.close();
  const bytes = readFileSync(path);
  bytes.copy(bytes, bytes.length >> 1, bytes.length - 8_192); // as if a log of another time had been applied
  writeFileSync(path, bytes);
  assert.throws(
    () => copyOlderQueue(path, `${path}.copy`, MODULES),
    (error: Error & { code?: string }) => error.code === 'state_not_a_database',
  );
  assert(readFileSync(path).equals(bytes));
  remove();
});
