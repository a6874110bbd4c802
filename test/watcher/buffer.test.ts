/**
 * The pending paths, and the paths that are delayed by a window.
 */
import assert from 'node:assert/strict';
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ByteName } from '../../src/linux/names.js';
import { type PendingPath, PendingPaths, type PendingRoot, type Step } from '../../src/watcher/reconcile/pending.js';
import { Windows } from '../../src/watcher/windows.js';
import { Bell } from '../world/bell.js';
import { everywhere, scenario } from './watched-tree.js';

/** A root in which each pending path gives one event, whatever is on disk. */
class Root implements PendingRoot {
  readonly delivered: string[] = [];
  readonly pending: PendingPaths;

  constructor(
    max: number,
    private readonly halves = 1,
  ) {
    this.pending = new PendingPaths(max, () => {});
  }

  add(...paths: string[]): void {
    for (const path of paths)
      this.pending.add(path, this, { path: path as ByteName, by: 'write', cause: 'event', ino: path.length });
  }

  next({ path }: PendingPath): { steps: Step[]; isLast: boolean } {
    const event = {
      path,
      pathBytes: Buffer.from(path),
      operation: 'put',
      timestamp: new Date(),
      kind: 'file',
      cause: 'event',
    } as const;
    const steps: Step[] = Array.from({ length: this.halves }, () => ({ path, event }));
    steps.at(-1)!.delivered = () => this.delivered.push(path);
    return { steps, isLast: true };
  }

  failed(error: unknown): void {
    assert.fail(String(error));
  }
}

test('a path is pending once, at its first position, and is reported in its state when it is taken', () => {
  const one = new Root(3);
  one.add('a', 'b', 'a');
  assert.deepEqual(
    [one.pending.takeNow()?.path, one.pending.takeNow()?.path, one.pending.takeNow()],
    ['a', 'b', undefined],
  );
  assert.deepEqual(one.delivered, ['a', 'b']);
});

test('an event is delivered when the next one is asked for, a pair when both halves were taken', () => {
  const pairs = new Root(9, 2);
  pairs.add('a', 'b');
  assert.equal(pairs.pending.takeNow()?.path, 'a');
  pairs.pending.deliver();
  assert.equal(pairs.pending.takeNow()?.path, 'a');
  assert.deepEqual(pairs.delivered, []);
  assert.equal(pairs.pending.takeNow()?.path, 'b');
  assert.deepEqual(pairs.delivered, ['a']);
});

test('a file that is seen at a pending path is found by its inode, until that path is reported', () => {
  const root = new Root(9);
  root.add('abc');
  assert.equal(root.pending.seenAt(root, 3), 'abc');
  assert.equal(root.pending.seenAt(new Root(9), 3), undefined);
  root.pending.takeNow();
  assert.equal(root.pending.seenAt(root, 3), undefined);
});

test('there is room as soon as an event is taken, or the wait ends after its patience', async () => {
  const { pending } = new Root(1);
  assert.equal(await pending.room(1), true);
  const root = new Root(1);
  root.add('a');
  assert.equal(await root.pending.room(1), false);
  const room = root.pending.room();
  root.pending.takeNow();
  assert.equal(await room, true);
});

test('every waiting caller is answered on close, and nothing is taken or delivered after that', async () => {
  const root = new Root(1);
  root.add('a');
  root.pending.takeNow();
  const taking = root.pending.take();
  root.add('b');
  const waits = [root.pending.untilQuiet()];
  root.pending.close();
  assert.equal(await taking, undefined);
  await Promise.all(waits);
  root.add('c');
  assert.equal(await root.pending.take(), undefined);
  assert.deepEqual(root.delivered, ['a']);
});

test('it is quiet when the taken event is finished, or its consumer has left', async () => {
  const root = new Root(1);
  root.add('a');
  root.pending.takeNow();
  const quiet = root.pending.untilQuiet();
  assert.equal(root.pending.quiet, false);
  const taking = root.pending.take();
  await quiet;
  root.add('b');
  root.pending.wake();
  assert.equal((await taking)?.path, 'b');
  root.pending.leave();
  await root.pending.untilQuiet();
  assert.deepEqual(root.delivered, ['a']);
});

const X = 'x' as ByteName;
const Y = 'y' as ByteName;

test('a delayed path is released at the end of its window, with its last hint', async () => {
  const released: string[] = [];
  const bell = new Bell(() => released.join());
  const windows = new Windows(1_000, 10, (path, by) => {
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
  assert.deepEqual(released, ['x written_deleted']);
  assert.equal(windows.held, 0);
  assert.equal(windows.holds(X, 'write'), false);
  windows.close();
});

test('a hint at the very end of its window, before the timer had its turn, is released with the delayed hint', async () => {
  const released: string[] = [];
  const windows = new Windows(500, 10, (path, by) => released.push(`${path} ${by}`));
  windows.open(X);
  assert.equal(windows.holds(X, 'write'), true);
  const waits = windows.released();
  const fromMs = performance.now();
  while (performance.now() < fromMs + 510);
  assert.equal(windows.holds(X, 'moved'), true);
  await waits;
  assert.deepEqual([released, windows.held], [['x written_moved'], 0]);
  windows.close();
});

test('beyond their number the oldest is released early, and without a length at once', () => {
  const released: string[] = [];
  const windows = new Windows(60_000, 1, (path) => released.push(path));
  windows.open(X, 'delete');
  windows.open(Y);
  assert.deepEqual(released, [X]);
  windows.close();
  new Windows(0, 1, (path) => released.push(path)).open(Y, 'delete');
  assert.deepEqual(released, [X, Y]);
});

scenario(
  'the first event at once, those within the window delayed, the last state reported at its end',
  async (told) => {
    await told.start({ debounceMs: 3_000 });
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
    // The second was delayed: it came no earlier than the window of the first allows, minus the time that the test itself
    // took.
    assert(
      told.events[1]!.timestamp.getTime() - told.events[0]!.timestamp.getTime() >= 2_000,
      `${performance.now() - from}`,
    );
  },
);

everywhere('a consumer that takes nothing: one overflow, then everything that is there', async (told) => {
  await told.start({ bufferMax: 5, debounceMs: 0 }, { listens: false });
  const names = Array.from({ length: 40 }, (_, i) => `f${i}`);
  for (const name of names) writeFileSync(told.at(name), '');
  // With scans only, nothing can overflow: the scans wait.
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
