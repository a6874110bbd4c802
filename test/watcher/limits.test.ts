/**
 * Limits of the kernel that are reached and end again: reported once, nothing lost. strace injects the errors.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Apart, scenarioApart } from './apart.js';

const HOUR_MS = 3_600_000;
const canTrace = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0;

const failing = (inject: string): string[] => {
  const trace = inject.split(':', 1)[0]!;
  return ['strace', '-f', '-qq', '--seccomp-bpf', '-o', '/dev/null', '-e', `trace=${trace}`, '-e', `inject=${inject}`];
};

function limitScenario(name: string, run: (apart: Apart) => Promise<void>): void {
  if (canTrace) scenarioApart(name, run);
  else test(name, { skip: 'strace is not to be had here: this limit was not tested' }, () => {});
}

limitScenario('directories beyond the watch limit are scanned until there are watches again', async (apart) => {
  for (const name of ['a', 'b', 'c/d']) mkdirSync(join(apart.root, name), { recursive: true });
  const command = failing('inotify_add_watch:error=ENOSPC:when=2..8');
  await apart.start({ options: { root: apart.root, scanEveryMs: HOUR_MS } }, command);
  await apart.until('the first scan', () => apart.count('scan_done') === 1);
  assert.equal(apart.count('watch_limit'), 1);
  for (const name of ['a/', 'b/', 'c/', 'c/d/']) apart.drop(name, 1);
  await apart.until('the four files', () => apart.seen === 4);
  await apart.until('the end of the limit', () => apart.count('watch_limit_over') === 1);
  apart.drop('c/d/later', 1);
  await apart.until('a file from its event', () => apart.seen === 5);
  assert.equal(apart.count('watch_limit'), 1);
  assert.equal(apart.count('scan_done'), 1);
});

limitScenario('without an inotify instance the tree is polled, and events come back', async (apart) => {
  const command = failing('inotify_init1:error=EMFILE:when=1..2');
  await apart.start({ options: { root: apart.root, scanEveryMs: HOUR_MS } }, command);
  await apart.until('the first scan', () => apart.count('scan_done') === 1);
  assert.equal(apart.count('polling'), 1);
  apart.drop('x', 1);
  await apart.until('the file, by polling', () => apart.seen === 1);
  await apart.until('events again', () => apart.count('events_back') === 1);
  await apart.until('the scan that follows', () => apart.count('scan_done') >= 2);
  const scans = apart.count('scan_done');
  apart.drop('y', 1);
  await apart.until('a file from its event', () => apart.seen === 2);
  assert.equal(apart.count('scan_done'), scans);
});
