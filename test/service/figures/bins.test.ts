/** Samples as equal steps: rates, backlog and ages, and null where nothing is known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Sample } from '../../../queue/index.js';
import { timesOf } from '../../../src/service/dashboard/data/series.js';
import { binsOf } from '../../../src/service/figures/bins.js';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const SPAN = { nowMs: NOW, stepMs: MINUTE, steps: 10 };

/** `age` in seconds of the oldest of `jobs` in hash, at that many minutes ago. */
const sample = (minutesAgo: number, stored: number, jobs = 0, age = 0, stood = false): Sample => ({
  atMs: NOW - minutesAgo * MINUTE,
  counts: new Map([['stored', { files: stored, bytes: stored * 1_000 }]]),
  stages: jobs === 0 ? [] : [{ stage: 'hash', jobs, bytes: jobs, oldestSecond: NOW / 1_000 - minutesAgo * 60 - age }],
  stood,
});

test('rates are means of a step; nothing is known before the first sample', () => {
  const bins = binsOf([sample(4, 100), sample(3, 160), sample(0, 160)], SPAN, ['hash']);
  assert.deepEqual(bins.files_per_second, [null, null, null, null, null, null, 1, 0, 0, 0]);
  assert.equal(bins.bytes_per_second[6], 1_000);
  assert.equal(bins.at.at(-1), new Date(NOW).toISOString());
});

test('a figure that stood grows older step by step; one that moved on does not', () => {
  const stood = binsOf([sample(9.5, 0, 3, 30, true), sample(0, 0, 3, 600)], SPAN, ['hash']);
  assert.deepEqual(stood.oldest_age_seconds.slice(0, 3), [60, 120, 180]);
  assert.equal(stood.oldest_age_seconds.at(-1), 600);
  assert.ok(stood.backlog_files.every((files) => files === 3));
  const busy = binsOf([sample(9.5, 0, 3, 1), sample(8.5, 60, 2, 1), sample(7.5, 120, 0)], SPAN, ['hash']);
  assert.deepEqual(busy.oldest_age_seconds.slice(0, 3), [1, 1, 1]);
});

test('without a sample all is null, and there is no stage', () => {
  const { files_per_second: rates, oldest_age_seconds: ages, stages } = binsOf([], SPAN, ['hash']);
  assert.ok([...rates, ...ages].every((one) => one === null));
  assert.deepEqual(stages, []);
});

test('counts that fell, as those of a retired feed do, are no negative rate', () => {
  const { files_per_second: rates } = binsOf([sample(5, 500), sample(4, 20), sample(0, 20)], SPAN, []);
  assert.ok(rates.every((rate) => rate === null || rate === 0));
});

test('times lie within their bucket, in the order of the pipeline, the whole way last', () => {
  const buckets = [
    { stage: '*', belowMs: 8_192, jobs: 4 },
    { stage: 'hash', belowMs: 1_024, jobs: 95 },
    { stage: 'hash', belowMs: 8_192, jobs: 5 },
  ];
  const times = timesOf({ fromMs: 0, buckets }, ['verify-complete', 'hash']);
  assert.deepEqual(
    times.map(({ stage, files }) => [stage, files]),
    [
      ['hash', 100],
      ['*', 4],
    ],
  );
  const [hash] = times;
  assert.ok(hash!.p50_seconds > 0.512 && hash!.p50_seconds < 1.024, String(hash!.p50_seconds));
  assert.equal(hash!.p95_seconds, 1.024);
});
