/** The status line for a person who waits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Progress } from '../../src/base/process/protocol.js';
import { progressText, summaryText } from '../../src/commands/progress.js';

const NONE = { filesDone: 0, bytesDone: 0 };
const now = (more: Partial<Progress> = {}): Progress => ({
  ...{ kind: 'progress', ...NONE, filesPerSecond: 0, filesLeft: 0, held: 0, closed: [], waits: '' },
  ...more,
});

test('the bar is empty before the first file, and full when no file is left', () => {
  assert.match(progressText(now(), NONE, true), /^\[\.{24}\] 0 files in/);
  assert.match(progressText(now({ filesDone: 3, filesLeft: 1 }), NONE, true), /^\[#{18}\.{6}\] 3 files in/);
  assert.match(progressText(now({ filesDone: 1 }), NONE, true), /^\[#{24}\] 1 file in/);
});

test('a file that is being written has no remaining time, and a long name does not hide the time', () => {
  const waiting = { path: 'a'.repeat(200), seconds: 2 };
  const line = (writer: 'open' | 'growing' | undefined) =>
    progressText(now({ filesLeft: 2, waiting: { ...waiting, writer } }), NONE, false);
  assert.match(line(undefined), /^0 files in, 0 B, 2 under way, complete in 2\.0s if it stays quiet: a{200}$/);
  assert.match(line('open'), /, still open for writing: a{200}$/);
  assert.match(line('growing'), /, still growing: a{200}$/);
});

test('a large file in progress is named last, after its part, its speed and the time that is left', () => {
  const largest = { path: 'b'.repeat(200), bytesDone: 3 << 28, bytes: 3 * 2 ** 30, bytesPerSecond: 1 << 28 };
  const line = progressText(now({ filesDone: 20, bytesDone: 51, filesLeft: 1, largest }), NONE, true);
  assert.match(line, /20 files in, 51 B, 1 under way, 25% of 3\.0 GiB at 256 MiB\/s, about 9\.0s left: b{200}$/);
  const first = progressText(now({ filesLeft: 1, largest: { ...largest, bytesPerSecond: 0 } }), NONE, true);
  assert.match(first, /, 25% of 3\.0 GiB: b{200}$/);
});

test('a closed stage is named while it is closed', () => {
  const closed = [{ stage: 'move', code: 'no_sspeed' }];
  assert.match(progressText(now({ filesLeft: 2, held: 1, closed }), NONE, false), /, 1 held, move closed: no_sspeed$/);
});

test('the summary of a stopped run says how many files are left, and why they wait', () => {
  const left = now({ filesDone: 5, filesLeft: 2, waits: '2 no sidecar' });
  assert.match(
    summaryText(left, { filesDone: 4, bytesDone: 0 }, true),
    /^1 file .*; 2 under way \(2 no sidecar\), the next start goes on\.$/,
  );
  assert.doesNotMatch(summaryText(left, NONE, false), /under way/);
});
