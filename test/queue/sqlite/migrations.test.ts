/** Versions: the queue's own and those of the caller's modules. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { type Module, openQueue, openQueueView, QueueError } from '../../../queue/index.js';
import { host } from '../../../src/linux/index.js';
import { dice as rolled } from '../../crash/dice.js';
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
/** An older state with a backup that takes a while. */
async function withNotes(path: string, count: number): Promise<void> {
  const old = await open(path, FIRST);
  await old.transact((tx) => {
    for (let n = 0; n < count; n++) tx.run('INSERT INTO notes VALUES (?)', `${n} ${'x'.repeat(1_000)}`);
  });
  await old.close();
}

/** The columns, and how many there are: `text: 3000`. */
function notesIn(path: string): string {
  const db = new Database(path, { readonly: true });
  try {
    const columns = db.prepare("SELECT name FROM pragma_table_info('notes')").pluck().all();
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    return `${columns}: ${db.prepare('SELECT count(*) FROM notes').pluck().get()}`;
  } finally {
    db.close();
  }
}

const backups = (dir: string) => readdirSync(dir).filter((name) => name.endsWith('.backup'));

test('an older state is backed up and migrated to this build, with its jobs', async () => {
  const { dir, path, remove } = newStateDir();
  const old = await open(path, FIRST);
  await old.enqueue([candidate('a')]);
  await old.transact((tx) => tx.run("INSERT INTO notes VALUES ('before')"));
  const { uuid } = old;
  await old.close();
  assert.deepEqual(backups(dir), [], 'a new state has nothing to back up');
  const reader = new Database(path, { readonly: true });
  const version = reader.pragma('user_version', { simple: true });
  reader.close();
  for (const cut of ['', '.part'])
    writeFileSync(`${path}.v${version}.backup${cut}`, 'of an attempt that was cut short');

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
  assert.ok(!existsSync(join(dir, `${backup}.part`)));
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

test('a database of another kind and a file of a few bytes are refused, and stay as they are', async () => {
  const { path, remove } = newStateDir();
  const database = new Database(path);
  database.exec('CREATE TABLE theirs (x)');
  database.close();
  for (const [content, code] of [
    [readFileSync(path), 'state_of_others'],
    ['1', 'state_not_a_database'],
  ] as const) {
    writeFileSync(path, content);
    await assert.rejects(open(path, FIRST), refusal(code));
    await assert.rejects(openQueueView({ path, host: host(), stages: ['only'], modules: [] }), refusal(code));
    assert.deepEqual(readFileSync(path), Buffer.from(content));
  }
  remove();
});

test('an older state is not migrated by a viewer', async () => {
  const { path, remove } = newStateDir();
  await (await open(path, FIRST)).close();
  const modules: Module[] = [{ name: 'notes', migrations: [FIRST, SECOND] }];
  await assert.rejects(openQueueView({ path, host: host(), stages: ['only'], modules }), refusal('older_database'));
  remove();
});

test('into a state that a newer build changed, a running process writes nothing; its jobs in progress continue there', async () => {
  const { path, remove } = newStateDir();
  const old = await open(path, FIRST);
  await old.enqueue([candidate('a'), candidate('b')]);
  const [inProgress] = await old.claim('only', 1);
  old.beat({ job: inProgress!.id, place: '' });
  const now = await open(path, FIRST, SECOND, 'ALTER TABLE durations RENAME COLUMN ms TO took_ms');
  const refused = refusal('newer_database');
  const tooLate = { job: inProgress!, outcome: { kind: 'finish', ending: 'stored' } } as const;
  await assert.rejects(old.settle([tooLate]), refused);
  await assert.rejects(old.enqueue([candidate('c')]), refused);
  await assert.rejects(
    old.transact((tx) => tx.run("INSERT INTO notes VALUES ('late')")),
    refused,
  );
  await assert.rejects(old.claim('only', 1), refused);
  assert.throws(() => old.durations(), refused, 'a column that is called otherwise now is no bug');
  assert.throws(() => old.checkStillOurs(), refused);
  await old.close();
  assert.deepEqual(
    (await now.rescue()).map(({ jobs, inProgress: blamed }) => ({ jobs, blamed })),
    [{ jobs: 1, blamed: [] }],
    'and no crash is counted',
  );
  assert.equal((await now.claim('only', 9)).length, 2);
  assert.deepEqual(
    now.read((rows) => rows.all('SELECT * FROM notes')),
    [],
  );
  await now.close();
  remove();
});

test('of many processes that start on an older state at once one migrates it, and its backup is of the older state', async () => {
  const { dir, path, remove } = newStateDir();
  await withNotes(path, 3_000);
  const starters = Array.from({ length: 4 }, () =>
    fork(new URL('./starter.js', import.meta.url), [path, FIRST, SECOND]),
  );
  const codes = await Promise.all(starters.map(async (starter) => (await once(starter, 'exit'))[0]));
  assert.deepEqual(codes, [0, 0, 0, 0]);
  const [backup, ...more] = backups(dir);
  assert.deepEqual(more, []);
  assert.equal(notesIn(join(dir, backup!)), 'text: 3000');
  remove();
});

test('killed at any moment, a change is whole or has not been, and so is its backup', async (t) => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
  t.diagnostic(`SEED=${seed}`);
  const dice = rolled(String(seed));
  const { dir, path, remove } = newStateDir();
  await withNotes(path, 3_000);
  const pristine = readFileSync(path);
  const seen = new Set<string>();
  for (let round = 0; round < 8; round++) {
    for (const name of readdirSync(dir)) rmSync(join(dir, name));
    writeFileSync(path, pristine);
    const starter = fork(new URL('./starter.js', import.meta.url), [path, FIRST, SECOND], { stdio: 'pipe' });
    // From its first output on: Node's own start is not tested here.
    await once(starter, 'message');
    const timer = setTimeout(() => starter.kill('SIGKILL'), dice(80));
    await once(starter, 'exit');
    clearTimeout(timer);
    for (const backup of backups(dir)) assert.equal(notesIn(join(dir, backup)), 'text: 3000');
    seen.add(`${backups(dir).length} backups, ${notesIn(path)}`);
    await (await open(path, FIRST, SECOND)).close();
    assert.equal(notesIn(path), 'text,colour: 3000');
  }
  t.diagnostic([...seen].join('; '));
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
