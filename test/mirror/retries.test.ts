/** The times at which paths are tried again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameOfText } from '../../src/linux/index.js';
import { Retries } from '../../src/mirror/retries.js';
import { limits } from '../../src/mirror/trees/limits.js';

test('a path that a failing DEST could not take is hoped for a few times, and one of a full DEST always', () => {
  for (const [code, times] of [
    ['EIO', limits.onceTries - 1],
    ['ENOSPC', 50],
  ] as const) {
    const retries = new Retries(() => {});
    let hoped = 0;
    for (let n = 0; n < 50; n++) {
      retries.failed(nameOfText('a'), code, '', false);
      if (retries.hopeful()) hoped++;
    }
    assert.equal(hoped, times);
  }
});

test('a path that is tried is not due again at once: a large file is copied beside everything else, and answers later', () => {
  const retries = new Retries(() => {});
  const path = nameOfText('large');
  retries.failed(path, 'EPERM', 'a test');
  const nowMs = performance.now() + 1_000;
  assert.deepEqual(retries.due(nowMs), [path]);
  assert.deepEqual(retries.due(nowMs), []);
  assert.ok(retries.nextMs() > nowMs);
  assert.deepEqual(retries.due(nowMs + 1_000), [path]);
  retries.well(path);
  assert.equal(retries.nextMs(), Number.POSITIVE_INFINITY);
});
