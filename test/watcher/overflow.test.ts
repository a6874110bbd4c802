/**
 * The kernel drops events; nothing may be lost. The scan interval is an hour, so that only the overflow can repair it.
 */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { scenarioApart } from './apart.js';

const HOUR_MS = 3_600_000;

scenarioApart('20,000 files that arrive while the watcher is stopped', async (apart) => {
  await apart.start({ options: { root: apart.root, scanEveryMs: HOUR_MS } });
  await apart.until('the first scan', () => apart.count('scan_done') === 1);
  apart.whileStopped(() => apart.drop('f', 20_000));
  await apart.until('20,000 paths', () => apart.seen === 20_000);
  assert.equal(apart.count('overflow'), 1);
});

scenarioApart('a second overflow while the healing scan runs, with files in a new subdirectory', async (apart) => {
  await apart.start({ options: { root: apart.root, scanEveryMs: HOUR_MS }, holdAfterOverflow: true });
  await apart.until('the first scan', () => apart.count('scan_done') === 1);
  apart.whileStopped(() => apart.drop('f', 17_000));
  await apart.until('the healing delivery', () => apart.heard.some(({ kind }) => kind === 'holding'));
  apart.whileStopped(() => {
    apart.drop('g', 17_000);
    mkdirSync(join(apart.root, 'new'));
    apart.drop('new/h', 3_000);
  });
  await apart.until('the second overflow', () => apart.count('overflow') === 2);
  apart.send({ kind: 'go' });
  await apart.until('37,000 paths', () => apart.seen === 37_000);
});

scenarioApart('an overflow hides a new directory, which is watched nevertheless', async (apart) => {
  await apart.start({ options: { root: apart.root, scanEveryMs: HOUR_MS } });
  await apart.until('the first scan', () => apart.count('scan_done') === 1);
  apart.whileStopped(() => {
    apart.drop('f', 17_000);
    mkdirSync(join(apart.root, 'hidden'));
  });
  await apart.until('the healing scan', () => apart.count('scan_done') === 2);
  apart.drop('hidden/x', 1);
  await apart.until('the file in it', () => apart.seen === 17_001);
});
