/** Errors that come out of a batch: only one after which the process cannot go on ends it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClaimedJob } from '../../../queue/backend.js';
import { QueueError } from '../../../queue/index.js';
import { EnvironmentError } from '../../../src/base/errors.js';
import { errorHandler, failingAlone } from '../../../src/ingest/worker/run.js';
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

test('a state that cannot be written is logged once in an episode', () => {
  const logged: string[] = [];
  let nowMs = 5;
  const handle = errorHandler({ emit: (event) => void logged.push(event), fail: () => assert.fail() }, () => nowMs);
  const error = new QueueError('state_io', 'the state cannot be written');
  for (const [ms, episodes] of [
    [0, 1],
    [50_000, 1],
    [59_000, 1],
    [61_000, 2],
    [10, 2],
  ] as const) {
    nowMs += ms;
    handle(error);
    assert.deepEqual(logged, Array(episodes).fill('state_unwritable'));
  }
});

test('a state that is not ours any more ends it', () => {
  const error = new EnvironmentError('state_replaced', 'the state was replaced');
  assert.deepEqual(noticed(error), { logged: [], failed: [error] });
});

test('an error that no stage expected costs a try only the jobs of its feed; one of the state costs none', async () => {
  const jobs = [{}, {}] as ClaimedJob[];
  const failed: unknown[] = [];
  const error = new LinuxError('openat2', 27);
  const { verdicts } = await failingAlone(
    jobs,
    () => Promise.reject(error),
    (why) => void failed.push(why),
  );
  const outcome = { kind: 'retry', code: 'bug', error: `LinuxError: ${error.message}`, interrupted: true };
  assert.deepEqual(verdicts, [{ outcome }, { outcome }]);
  assert.deepEqual(failed, [error]);
  const gone = new QueueError('state_replaced', 'the state was replaced');
  await assert.rejects(
    failingAlone(
      jobs,
      () => Promise.reject(gone),
      () => assert.fail(),
    ),
    gone,
  );
});
