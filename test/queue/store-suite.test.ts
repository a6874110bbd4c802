/**
 * Runs better-queue's public test suite for stores with mocha, as its authors do.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('the store passes better-queue-store-test', (t) => {
  const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
  const built = fileURLToPath(new URL('../../', import.meta.url));
  const suite = fileURLToPath(new URL('../../../test/queue/store-suite.cjs', import.meta.url));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [mocha, '--timeout', '300000', '--reporter', 'json', suite],
    {
      env: { ...process.env, BUILT: built },
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  const { stats } = JSON.parse(stdout) as { stats: { passes: number; failures: number; pending: number } };
  assert.deepEqual([stats.failures, stats.pending], [0, 0]);
  assert(stats.passes >= 7, `only ${stats.passes} ran`);
  t.diagnostic(`${stats.passes} tests of the public suite passed`);
});
