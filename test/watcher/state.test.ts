/**
 * Delivered events are kept in a state: changes while nobody watched are reported at the next start.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';
import { createWatcher, WatcherError } from '../../src/watcher/index.js';
import { everywhere, scenario } from './watched-tree.js';

everywhere('what was made, changed, renamed and removed meanwhile', async (told) => {
  const { statePath } = told;
  mkdirSync(told.at('d'));
  for (const name of ['kept', 'changed', 'old', 'gone', 'd/x']) writeFileSync(told.at(name), '1');
  await told.start({ statePath });
  assert.deepEqual(await told.quiet(), []);
  await told.stop();

  writeFileSync(told.at('changed'), '22');
  renameSync(told.at('old'), told.at('new'));
  rmSync(told.at('gone'));
  rmSync(told.at('d'), { recursive: true });
  writeFileSync(told.at('made'), '1');
  await told.start({ statePath });
  await told.watcher.idle();
  const renamed = told.events.filter(({ renameId }) => renameId !== undefined).map(({ path }) => path);
  assert.deepEqual(renamed, [told.at('old'), told.at('new')]);
  const lines = ['+file changed', '-file old', '+file new', '-file gone', '-file d/x', '-directory d', '+file made'];
  assert.deepEqual((await told.quiet()).sort(), lines.sort());
  await told.stop();
  await told.start({ statePath });
  assert.deepEqual(await told.quiet(), []);
});

scenario('events that were emitted and not taken are delivered again', async (told) => {
  const { statePath } = told;
  for (const name of ['changed', 'gone']) writeFileSync(told.at(name), '1');
  await told.start({ statePath }, { listens: false });
  mkdirSync(told.at('made'));
  writeFileSync(told.at('changed'), '22');
  rmSync(told.at('gone'));
  const iterator = told.watcher.events();
  const first = (await iterator.next()).value!;
  await iterator.return?.();
  await told.stop();
  await told.start({ statePath });
  const lines = await told.quiet();
  assert.deepEqual(lines.sort(), ['+directory made', '+file changed', '-file gone']);
  assert(lines.length === 3, first.path);
  await told.stop();
  await told.start({ statePath });
  assert.deepEqual(await told.quiet(), []);
});

scenario(
  'an initial report that was cut short is finished by the next start, with and without initial',
  async (told) => {
    const { statePath } = told;
    const names = [...'abcdefghij'];
    for (const name of names) writeFileSync(told.at(name), '1');
    const first = new Set<string>();
    await told.start({ statePath, initial: true, bufferMax: 2 }, { listens: false });
    for await (const { path } of told.watcher.events()) if (first.add(path).size === 3) break;
    await told.stop();
    await told.start({ statePath });
    const lines = await told.quiet();
    assert.ok(lines.length <= 8, 'the first two are not reported again');
    const reported = new Set([...first, ...lines.map((line) => told.at(line.replace('+file ', '')))]);
    assert.deepEqual(
      [...reported].sort(),
      names.map((name) => told.at(name)),
    );
    await told.stop();
    await told.start({ statePath, initial: true });
    assert.deepEqual(await told.quiet(), []);
  },
);

scenario('a state belongs to one watcher at a time, and to no other program', async (told) => {
  const { statePath } = told;
  await told.start({ statePath });
  const second = createWatcher({ statePath });
  await assert.rejects(
    second.watch(told.root),
    isError('STATE_IN_USE', /: stop the other watcher, or give this one its own statePath \(/),
  );
  await second.stop();
  await told.stop();

  const database = new Database(statePath);
  database.pragma('user_version = 99');
  database.close();
  await assert.rejects(told.start({ statePath }), isError('STATE_FOREIGN'));
  for (const [text, code] of [
    ['a text of somebody\n'.repeat(100), 'SQLITE_NOTADB'],
    ['1', 'STATE_FOREIGN'],
  ] as const) {
    writeFileSync(statePath, text);
    await assert.rejects(told.start({ statePath }), isError(code, /is no state of a watcher: name another statePath/));
    assert.equal(readFileSync(statePath, 'utf8'), text);
  }
  const missing = told.start({ statePath: `${told.base}/no/such/folder.db` });
  await assert.rejects(missing, isError('STATE_UNUSABLE', /\/no\/such does not exist: make it, or correct /));
});

const isError =
  (code: string, message = /./) =>
  (error: unknown) =>
    error instanceof WatcherError && error.op === 'state' && error.code === code && message.test(error.message);
