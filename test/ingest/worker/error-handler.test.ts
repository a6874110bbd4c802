/** Errors that come out of a batch: only one after which the process cannot go on ends it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EnvironmentError } from '../../../src/base/errors.js';
import { errorHandler } from '../../../src/ingest/worker/run.js';
import { LinuxError } from '../../../src/linux/index.js';

function noticed(error: unknown): { logged: string[]; failed: unknown[] } {
  const [logged, failed]: [string[], unknown[]] = [[], []];
  errorHandler({ emit: (event) => void logged.push(event), fail: (why) => void failed.push(why) })(error);
  return { logged, failed };
}

test('an errno that no stage expected is logged as a bug, and the worker goes on', () => {
  for (const errno of [5, 13, 22, 24, 40])
    assert.deepEqual(noticed(new LinuxError('openat2', errno)), { logged: ['bug'], failed: [] });
});

test('a state that is not ours any more ends it', () => {
  const error = new EnvironmentError('state_replaced', 'the state was replaced');
  assert.deepEqual(noticed(error), { logged: [], failed: [error] });
});
