/** The status line for a person who waits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Progress } from '../../src/base/process/protocol.js';
import { progressText, summaryText } from '../../src/commands/progress.js';

const NONE = { filesDone: 0, bytesDone: 0 };
const now = (more: Partial<Progress> = {}): Progress => ({
  ...{ kind: 'progress', ...NONE, filesPerSecond: 0, filesLeft: 0, held: 0, closed: [] },
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

test('a closed stage is named while it is closed', () => {
  const closed = [{ stage: 'move', code: 'no_space' }];
  assert.match(progressText(now({ filesLeft: 2, held: 1, closed }), NONE, false), /, 1 held, move closed: no_space$/);
});

test('the summary of a stopped run says how many files are left', () => {
  const left = now({ filesDone: 5, filesLeft: 2 });
  assert.match(
    summaryText(left, { filesDone: 4, bytesDone: 0 }, true),
    /^1 file .*; 2 under way, the next start goes on\.$/,
  );
  assert.doesNotMatch(summaryText(left, NONE, false), /under way/);
});
