/**
 * Each trouble is emitted once, with its path and reason, and once more when it is over; nothing is lost meanwhile.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createWatcher, profiles, WatcherError, type WatcherOptions } from '../../src/watcher/index.js';
import { Bell } from '../world/bell.js';
import { asSomebody } from '../world/users.js';
import { everywhere, scenario, type WatchedTree } from './watched-tree.js';

test('impossible options are refused with name, rule and value', () => {
  const wrong: [WatcherOptions, RegExp][] = [
    [{ debounceMs: -1 }, /debounceMs has to be a whole number from 0 to 2147483647, and is -1/],
    [{ bufferMax: 0 }, /bufferMax .* from 1 to 1000000/],
    [{ rescanMs: 0.5 }, /rescanMs/],
    [{ rescanMs: 0, poll: true }, /rescanMs .* above 0/],
    [{ backend: 'kqueue' as never }, /backend has to be one of inotify, node, poll, and is "kqueue"/],
    [{ backend: 'node', poll: true }, /backend/],
    [{ ignore: [''] }, /ignore/],
    [{ include: 'x' as never }, /include/],
  ];
  for (const [options, message] of wrong)
    assert.throws(
      () => createWatcher(options),
      (error) => error instanceof WatcherError && error.op === 'options' && message.test(error.message),
    );
  assert.deepEqual(Object.keys(profiles), ['development', 'productionReplication', 'lowResource']);
});

everywhere('a root that is not there is refused', async (told) => {
  const watcher = await told.start();
  await assert.rejects(
    watcher.watch(told.at('nothing')),
    (error) =>
      error instanceof WatcherError &&
      error.op === 'watch' &&
      error.code === 'ENOENT' &&
      error.path === told.at('nothing'),
  );
  // It is forgotten: the next attempt is a new one.
  mkdirSync(told.at('nothing'));
  await watcher.watch(told.at('nothing'));
});

everywhere('a root that goes is missing, not empty: deletions are reported when it is back', async (told) => {
  writeFileSync(told.at('kept'), '1');
  writeFileSync(told.at('gone'), '1');
  await told.start();
  const away = join(told.base, 'away');
  renameSync(told.root, away);
  await told.until('the error', () => told.errors.length === 1);
  const [error] = told.errors;
  assert.deepEqual([error!.op, error!.code, error!.path], ['root', 'ENOENT', told.root]);
  assert.deepEqual(told.lines(), []);
  await told.watcher.idle();
  rmSync(join(away, 'gone'));
  renameSync(away, told.root);
  await told.until('it is back', () => told.recovered.length === 1);
  assert.equal(told.recovered[0], error);
  assert.deepEqual(await told.quiet(), ['-file gone']);
  await told.expect(() => writeFileSync(told.at('new'), ''), '+file new');
});

everywhere('a root that is another directory now is compared with the delivered tree', async (told) => {
  mkdirSync(told.at('d'));
  writeFileSync(told.at('d/x'), '1');
  await told.start();
  renameSync(told.root, join(told.base, 'old'));
  mkdirSync(told.root);
  writeFileSync(told.at('y'), '1');
  await told.until('all events have come', () => told.events.length === 3);
  assert.deepEqual((await told.quiet()).sort(), ['+file y', '-directory d', '-file d/x']);
});

everywhere('a directory that is swapped for a symlink leads nowhere', async (told) => {
  mkdirSync(told.at('d'));
  writeFileSync(told.at('d/x'), '1');
  mkdirSync(join(told.base, 'elsewhere'));
  writeFileSync(join(told.base, 'elsewhere/x'), '1');
  await told.start();
  renameSync(told.at('d'), join(told.base, 'away'));
  symlinkSync(join(told.base, 'elsewhere'), told.at('d'));
  assert.deepEqual(await told.quiet(), ['-file d/x', '+symlink d']);
  writeFileSync(join(told.base, 'elsewhere/y'), '');
  assert.deepEqual(await told.quiet(), []);
});

/** Runs as a user for whom permissions count. */
async function asNobody(told: WatchedTree, run: () => Promise<void>): Promise<void> {
  for (const path of [told.base, told.root]) chmodSync(path, 0o777);
  await asSomebody(run);
}

everywhere('a directory that may not be read, and one that may not be entered', async (told) => {
  await asNobody(told, async () => {
    for (const name of ['closed', 'listed']) mkdirSync(told.at(name));
    for (const name of ['closed/x', 'listed/y']) writeFileSync(told.at(name), '');
    chmodSync(told.at('closed'), 0);
    chmodSync(told.at('listed'), 0o400);
    await told.start({ rescanMs: 200 });
    await told.until('both errors have come', () => told.errors.length >= 2);
    const about = told.errors.map(({ op, code, path }) => `${op} ${code} ${path.slice(told.root.length + 1)}`);
    assert.deepEqual(about.sort(), ['read EACCES closed', 'read EACCES listed']);
    for (const name of ['closed', 'listed']) chmodSync(told.at(name), 0o700);
    await told.until('what they hold', () => told.events.length === 2);
    assert.deepEqual((await told.quiet()).sort(), ['+file closed/x', '+file listed/y']);
    await told.until('both are over', () => told.recovered.length === 2);
  });
});

scenario('an error without a listener is not thrown, and is logged', async (told) => {
  const logged: string[] = [];
  const bell = new Bell(() => logged.join());
  const log = (_: object, message: string): void => {
    logged.push(message);
    bell.ring();
  };
  const watcher = createWatcher({ logger: { debug: log, info: log, warn: log, error: log } });
  await watcher.watch(told.root);
  rmSync(told.root, { recursive: true });
  await bell.until('it is logged', () => logged.includes('error'));
  await watcher.stop();
});
