/**
 * The bounded queue between events and deliveries.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ByteName, nameOfText } from '../../src/linux/names.js';
import { limits } from '../../src/watcher/backend/limits.js';
import type { Hint } from '../../src/watcher/backend/types.js';
import { PathQueue } from '../../src/watcher/engine/path-queue.js';

const X = nameOfText('x');

test('the last cause counts', () => {
  const marks = new PathQueue();
  marks.add(X, 'write', 0);
  marks.add(X, 'rename', 0);
  assert.deepEqual(marks.take(10, 0), [{ path: X, by: 'rename' }]);
  assert.equal(marks.size, 0);
});

test('with everything, a rename into place stays until it is taken, and attributes count least', () => {
  const takenAfter = (...hints: Hint[]): Hint | undefined => {
    const marks = new PathQueue(true);
    for (const by of hints) marks.add(X, by, 0);
    return marks.take(10, 0)[0]?.by;
  };
  // A directory that is back: its own move, and the end of the wait for its new name, are reported after its arrival.
  assert.equal(takenAfter('moved', 'rename', 'write'), 'written_renamed');
  assert.equal(takenAfter('rename', 'delete'), 'rename');
  assert.equal(takenAfter('delete', 'write'), 'write');
  assert.equal(takenAfter('write', 'attributes'), 'write');
  assert.equal(takenAfter('attributes', 'write'), 'write');
});

test('a path that is written to without end is taken about once a second', () => {
  const marks = new PathQueue();
  let taken = 0;
  for (let ms = 0; ms < 10_000; ms += 5) {
    marks.add(X, 'write', ms);
    taken += marks.take(10, ms).length;
  }
  assert(taken >= 9 && taken <= 12, `${taken} times`);
});

test('a rename is not delayed by the writes before it', () => {
  const marks = new PathQueue();
  marks.add(X, 'write', 0);
  marks.take(10, 0);
  marks.add(X, 'write', 10);
  assert.deepEqual(marks.take(10, 10), []);
  marks.add(X, 'rename', 20);
  assert.deepEqual(marks.take(10, 20), [{ path: X, by: 'rename' }]);
});

test('a write after a quiet time is taken at once', () => {
  const marks = new PathQueue();
  marks.add(X, 'write', 0);
  marks.take(10, 0);
  marks.add(X, 'write', 60_000);
  assert.equal(marks.take(10, 60_000).length, 1);
});

test('a creation waits for its close, and no longer than a second', () => {
  const marks = new PathQueue();
  marks.add(X, 'write', 0, true);
  assert.deepEqual(marks.take(10, 5), []);
  marks.add(X, 'write', 6);
  assert.equal(marks.take(10, 6).length, 1);
  marks.add(nameOfText('y'), 'write', 7, true);
  assert.equal(marks.take(10, 7 + limits.rewriteMs).length, 1);
});

test('both bounds refuse what is new and keep what is there', () => {
  const many = new PathQueue();
  for (let i = 0; i < limits.queuedPathsMax; i++) assert(many.add(`${i}` as ByteName, 'write', 0));
  assert.equal(many.add(X, 'write', 0), false);
  assert(many.add('0' as ByteName, 'rename', 0));
  assert.equal(many.size, limits.queuedPathsMax);
  many.take(1, 0);
  assert(many.add(X, 'write', 0));

  const long = new PathQueue();
  const path = (i: number) => `${i}`.padStart(4_000, 'x') as ByteName;
  let fits = 0;
  while (long.add(path(fits), 'write', 0)) fits += 1;
  assert.equal(fits, Math.floor(limits.queuedBytesMax / 4_000));
  long.take(fits, 0);
  assert(long.add(path(0), 'rename', 0));
});
