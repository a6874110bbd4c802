/** The time until the backlog is done. It is given only if the last minutes allow an estimate. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sample } from '../../../queue/index.js';
import { etaOf } from '../../../src/service/figures/throughput.js';

const MIB = 1 << 20;
const NOW = 1_800_000_000_000;

/** One sample a minute up to now, with the number of files that were stored by then. */
const samples = (stored: readonly number[]): Sample[] =>
  stored.map((files, i) => ({
    atMs: NOW - (stored.length - 1 - i) * 60_000,
    counts: new Map([['stored', { files, bytes: files * MIB }]]),
    stages: [],
    stood: false,
  }));

const steady = samples([0, 60, 120, 180, 240, 300]);
const waiting = (files: number, bytes: number | undefined = files * MIB) => ({ files, bytes, isClosed: false });
const why = (...args: Parameters<typeof etaOf>) => etaOf(...args).eta_unknown;

test('a steady rate gives the remaining time; the slower of files and bytes counts', () => {
  assert.equal(etaOf(waiting(120), steady).eta_seconds, 120);
  assert.equal(etaOf(waiting(120, 1_200 * MIB), steady).eta_seconds, 1_200);
  assert.equal(etaOf(waiting(120, undefined), steady).eta_seconds, 120, 'bytes of held files do not count');
});

test('an empty backlog takes no time, also while a gate is closed', () => {
  assert.deepEqual(etaOf({ files: 0, bytes: 0, isClosed: true }, []), { eta_seconds: 0, eta_unknown: null });
});

test('if the last minutes allow no estimate, a sentence says why', () => {
  assert.match(why({ ...waiting(5), isClosed: true }, steady)!, /stage is paused, or a place fails/);
  assert.match(why(waiting(5), samples([300]))!, /less than a minute/);
  assert.match(why(waiting(5), [])!, /less than a minute/);
  assert.match(why(waiting(5), samples([7, 7, 7, 7, 7, 7]))!, /no file was stored/);
  assert.match(why(waiting(5), samples([0, 0, 0, 0, 0, 300]))!, /too uneven/, 'it has just begun');
  assert.match(why(waiting(5), samples([0, 100, 200, 300, 300, 300]))!, /too uneven/, 'it has just stopped');
  assert.match(why(waiting(1_000_000), steady)!, /longer than a day/);
});

test('files that were stored before the last five minutes do not count', () => {
  const idleBefore = [{ ...steady[0]!, atMs: NOW - 86_400_000, stood: true }, ...steady];
  assert.equal(etaOf(waiting(120), idleBefore).eta_seconds, 120);
});
