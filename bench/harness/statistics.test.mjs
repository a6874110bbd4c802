/** Ratios say how many times as good the product is, whichever way its figure counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ratioOf, spread } from './statistics.mjs';

test('a ratio is one of each round, and of seconds the fewer are the better', () => {
  const own = [{ s: 2 }, { s: 4 }, { s: 3 }];
  const other = [{ s: 1 }, { s: 1 }, { s: 3 }];
  assert.deepEqual(ratioOf(own, other, { key: 's' }), { median: 2, least: 1, most: 4 });
  assert.deepEqual(ratioOf(own, other, { key: 's', less: true }), { median: 0.5, least: 0.25, most: 1 });
});

test('a round that one of them did not run has no ratio', () => {
  assert.deepEqual(ratioOf([{ s: 2 }, { s: 9 }], [{ s: 1 }], { key: 's' }), { median: 2, least: 2, most: 2 });
  assert.equal(ratioOf([{ s: 0 }], [{ s: 0 }], { key: 's' }), undefined);
});

test('one round has no spread', () => {
  assert.equal(spread({ median: 2, least: 2, most: 2 }), '2');
  assert.equal(spread({ median: 2, least: 1, most: 4 }), '2 (1–4)');
});
