/** What waits for the consumer, and what is held back for a moment. */
import assert from 'node:assert/strict';
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ByteName } from '../../src/linux/names.js';
import { type Told as Item, Outbox } from '../../src/watcher/outbox.js';
import { Windows } from '../../src/watcher/windows.js';
import { Bell } from '../world/bell.js';
import { everywhere, scenario } from './told.js';

const item = (key: string, { renameId, taken = () => {} }: { renameId?: string; taken?: () => void } = {}): Item => ({
  key,
  event: {
    path: key,
    pathBytes: Buffer.from(key),
    operation: 'put',
    timestamp: new Date(),
    kind: 'file',
    cause: 'event',
    ...(renameId !== undefined && { renameId }),
  },
  taken,
});

test('a later event of a path takes the place of the earlier one, behind the others', () => {
  const outbox = new Outbox(3, () => {});
  for (const key of ['a', 'b', 'a']) outbox.offer(item(key));
  assert.deepEqual([outbox.takeNow()?.key, outbox.takeNow()?.key, outbox.takeNow()], ['b', 'a', undefined]);
});

test('half a rename is none: where one half was merged away, the other has no id', () => {
  const outbox = new Outbox(9, () => {});
  outbox.offer(item('old', { renameId: 'r' }));
  outbox.offer(item('new', { renameId: 'r' }));
  outbox.offer(item('new'));
  assert.deepEqual([outbox.takeNow()!.event.renameId, outbox.takeNow()!.event.renameId], ['r', undefined]);
  outbox.offer(item('old', { renameId: 's' }));
  outbox.offer(item('new', { renameId: 's' }));
  outbox.offer(item('old'));
  assert.deepEqual([outbox.takeNow()!.event.renameId, outbox.takeNow()!.event.renameId], [undefined, undefined]);
});

test('room is had as soon as something is taken, or not within the patience', async () => {
  const outbox = new Outbox(1, () => {});
  assert.equal(await outbox.room(1), true);
  outbox.offer(item('a'));
  assert.equal(await outbox.room(1), false);
  const room = outbox.room();
  outbox.takeNow();
  assert.equal(await room, true);
});

test('who waits is answered when it is closed, and nothing is offered or taken after that', async () => {
  const outbox = new Outbox(1, () => {});
  const taking = outbox.take();
  outbox.close();
  assert.equal(await taking, undefined);
  assert.equal(await outbox.take(), undefined);
  outbox.offer(item('a'));
  assert.equal(outbox.takeNow(), undefined);
  await outbox.untilQuiet();
  assert.equal(await outbox.room(), true);

  const full = new Outbox(1, () => {});
  full.offer(item('a'));
  const waits = [full.room(), full.untilQuiet()];
  full.close();
  await Promise.all(waits);
});

test('it is quiet when what was taken is done with, and only then is it noted', async () => {
  const outbox = new Outbox(1, () => {});
  let noted = 0;
  outbox.offer(item('a', { taken: () => noted++ }));
  const first = outbox.takeNow()!;
  const quiet = outbox.untilQuiet();
  assert.equal(outbox.quiet, false);
  outbox.done(first, true);
  await quiet;
  const taking = outbox.take();
  outbox.offer(item('b', { taken: () => noted++ }));
  outbox.done((await taking)!, false);
  assert.equal(noted, 1);
});

const X = 'x' as ByteName;
const Y = 'y' as ByteName;

test('what is held is released at the end of its window, the last hint of it', async () => {
  const released: string[] = [];
  const bell = new Bell(10_000, () => released.join());
  const windows = new Windows(20, 10, (path, by) => {
    released.push(`${path} ${by}`);
    bell.ring();
  });
  assert.equal(windows.holds(X, 'write'), false);
  windows.open(X);
  windows.open(Y);
  assert.equal(windows.holds(X, 'write'), true);
  assert.equal(windows.holds(X, 'delete'), true);
  assert.equal(windows.holds(X, 'attributes'), true);
  assert.equal(windows.held, 1);
  await bell.until('x', () => released.length > 0);
  assert.deepEqual(released, ['x delete']);
  assert.equal(windows.held, 0);
  assert.equal(windows.holds(X, 'write'), false);
  windows.close();
});

test('beyond their number the eldest is released too early, and without a length at once', () => {
  const released: string[] = [];
  const windows = new Windows(60_000, 1, (path) => released.push(path));
  windows.open(X, 'delete');
  windows.open(Y);
  assert.deepEqual(released, [X]);
  windows.close();
  new Windows(0, 1, (path) => released.push(path)).open(Y, 'delete');
  assert.deepEqual(released, [X, Y]);
});

scenario('the first event at once, those within the window held back, the last state told at its end', async (told) => {
  await told.start({ debounceMs: 300 });
  writeFileSync(told.at('a'), '0');
  await told.until('the first', () => told.events.length === 1);
  const from = performance.now();
  for (let i = 0; i < 20; i++) {
    appendFileSync(told.at('a'), '1');
    await new Promise((turn) => setImmediate(turn));
  }
  rmSync(told.at('a'));
  await told.watcher.idle();
  assert.deepEqual(told.lines(), ['+file a', '-file a']);
  // The second was held back: it came no earlier than the window of the first allows, less what the test itself took.
  assert(
    told.events[1]!.timestamp.getTime() - told.events[0]!.timestamp.getTime() >= 290,
    `${performance.now() - from}`,
  );
});

everywhere('a consumer that takes nothing: one overflow, then everything that is there', async (told) => {
  await told.start({ bufferMax: 5, debounceMs: 0 }, { listens: false });
  const names = Array.from({ length: 40 }, (_, i) => `f${i}`);
  for (const name of names) writeFileSync(told.at(name), '');
  // By scans alone nothing can overflow: they wait.
  if (told.backend === 'inotify') await told.until('an overflow', () => told.overflows.length > 0);
  renameSync(told.at('f0'), told.at('g0'));
  const copy = new Set<string>();
  const taking = (async () => {
    for await (const { path, operation } of told.watcher.events())
      if (operation === 'put') copy.add(path.slice(told.root.length + 1));
      else copy.delete(path.slice(told.root.length + 1));
  })();
  await told.watcher.idle();
  assert.deepEqual([...copy].sort(), ['g0', ...names.slice(1)].sort());
  assert.deepEqual(
    told.overflows.map(({ reason }) => reason),
    told.backend === 'inotify' ? ['buffer'] : [],
  );
  await told.stop();
  await taking;
});

scenario('several iterators share the events, and one that is left gives its place to the listeners', async (told) => {
  await told.start({ bufferMax: 10 }, { listens: false });
  const heard: string[] = [];
  const first = told.watcher.events();
  const next = first.next();
  writeFileSync(told.at('a'), '');
  assert.equal((await next).value?.path, told.at('a'));
  await first.return?.();
  told.watcher.on('event', ({ path }) => heard.push(path));
  writeFileSync(told.at('b'), '');
  await told.watcher.idle();
  assert.deepEqual(heard, [told.at('b')]);
});
