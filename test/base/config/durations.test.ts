/** Times and sizes: with units in flags, environment and file alike; a bare number only where the option has a unit. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { readInvocation } from '../../../src/base/config/read.js';
import { allFields } from '../../../src/base/config/schema.js';
import { bytesOfSize, durationMs, shownDuration } from '../../../src/base/config/values/duration.js';
import { load, makeFolders, refusal } from './folders.js';

test('a duration is read as it is written, and written as it is read', () => {
  const lengths = { '500ms': 500, '90s': 90_000, '1h30m': 5_400_000, '1.5h': 5_400_000, '7d': 604_800_000, '0s': 0 };
  for (const [text, ms] of Object.entries(lengths)) assert.equal(durationMs(text), ms, text);
  for (const text of ['500ms', '1m30s', '1h30m', '7d', '2d12h', '100ms', '1s500ms', '0s'])
    assert.equal(shownDuration(durationMs(text)!), text);
  for (const text of ['', '10', 's', '1h 30m', '30m1h', '1h1h', '1w', '-1s', '1e3s', '1,5h', ' 1h'])
    assert.equal(durationMs(text), undefined, text);
});

test('every option that takes a time takes 1h30m and 2h, from a flag, the environment and the file', (t) => {
  const folders = makeFolders(t);
  const path = join(folders.root, 'config.yaml');
  writeFileSync(path, stringify({ 'stability-seconds': '1m30s', 'quiet-ms': '500ms', 'keep-history': '90d' }));
  const times = { INGEST_SCAN_INTERVAL_SECONDS: '1h', INGEST_STALL_SECONDS: '2m', INGEST_KEEP_FAILED: '1h30m' };
  const { feeds, service } = load(folders, [...folders.flags, '--config', path, '--partial-upload-seconds=2h'], times);
  assert.deepEqual([feeds[0]?.stabilitySeconds, feeds[0]?.quietMs, service.keepHistoryMs], [90, 500, 90 * 86_400_000]);
  assert.deepEqual([feeds[0]?.scanIntervalSeconds, service.stallSeconds], [3_600, 120]);
  assert.deepEqual([feeds[0]?.keepFailedMs, feeds[0]?.partialUploadSeconds], [5_400_000, 7_200]);
  for (const [name, field] of Object.entries(allFields)) {
    const isTime = /-(seconds|ms)$|^keep-|-after$|^max-age$|^for$/.test(name);
    assert.equal(field.meta.kind === 'duration', isTime, name);
    if (isTime) assert.equal(field.safeParse('5m').success, true, name);
  }
});

test('a bare number counts in the unit of the name, and is refused where the name has none', (t) => {
  const folders = makeFolders(t);
  const of = (...argv: string[]) => load(folders, [...folders.flags, ...argv]).feeds[0];
  assert.equal(of('--stability-seconds', '0.5')?.stabilitySeconds, 0.5);
  assert.equal(of('--quiet-ms', '250')?.quietMs, 250);
  assert.equal(readInvocation('queue-stat', ['--max-age', '3600'], folders.env).view['max-age'], 3_600);
  assert.equal(readInvocation('queue-stat', ['--max-age', '1h'], folders.env).view['max-age'], 3_600);
  const { message } = refusal(() => of('--keep-duplicates', '30'));
  assert.match(
    message,
    /^--keep-duplicates must be a duration with its unit, .+, but got "30"; write for example 90d\.$/,
  );
  assert.match(
    refusal(() => of('--stability-seconds', '2 hours')).message,
    /^--stability-seconds must be a duration from 0s to 7d, such as 90s or 1h30m; a bare number is seconds, but got/,
  );
  assert.match(refusal(() => of('--quiet-ms', '1.5')).message, /a bare number is milliseconds, but got "1\.5"/);
});

test('every option that takes a size takes 10GiB and a bare number of bytes, from a flag, the environment and the file', (t) => {
  const folders = makeFolders(t);
  const path = join(folders.root, 'config.yaml');
  writeFileSync(path, stringify({ 'max-bytes': '1 TiB', 'min-free-bytes': '500MB', 'min-bytes': 7 }));
  const sizes = { INGEST_MAX_BYTES_PER_SECOND: '1.5MiB' };
  const { feeds, service } = load(folders, [...folders.flags, '--config', path, '--duplicates-max-bytes=10gib'], sizes);
  const [feed] = feeds;
  assert.deepEqual([feed?.maxBytes, feed?.minFreeBytes, feed?.minBytes], [2 ** 40, 500_000_000, 7]);
  assert.deepEqual([feed?.duplicatesMaxBytes, service.maxBytesPerSecond], [10 * 2 ** 30, 1_572_864]);
  for (const [name, field] of Object.entries(allFields)) {
    const isSize = /bytes/.test(name);
    assert.equal(field.meta.kind === 'size', isSize, name);
    if (isSize) assert.equal(field.safeParse('5MB').success, true, name);
  }
  assert.match(
    refusal(() => load(folders, [...folders.flags, '--max-bytes', '10G'])).message,
    /^--max-bytes must be a size from 1 to \d+ bytes, such as 500MB or 10GiB; a bare number is bytes, but got "10G"/,
  );
  for (const text of ['', '1', 'MB', '1XB', '1,5MB', '1 e3 B', '-1MB'])
    assert.equal(bytesOfSize(text), undefined, text);
});
