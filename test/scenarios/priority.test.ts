/** The producer gives way to the workers, where it may. */
import assert from 'node:assert/strict';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { createWorld } from '../world/world.js';

test('the producer alone runs with a lower priority', { timeout: 60_000 }, async (t) => {
  if (getPriority() === 19) return t.skip('run with the lowest priority of all: a lower one was not tested');
  const world = createWorld(t);
  const program = world.start('ingest');
  const { worker_pid: producer } = await world.event('worker_started', ({ worker }) => worker === 'producer');
  await world.event('worker_started', ({ worker }) => worker !== 'producer');
  const pids = [program.pid, ...program.descendants()];
  assert.equal(pids.length, 3, 'a parent, its producer and a worker');
  assert.deepEqual(
    pids.filter((pid) => getPriority(pid) !== getPriority()),
    [producer],
  );
  assert.equal(getPriority(producer as number), Math.min(getPriority() + 5, 19));
  await world.stop();
});

test('where it may not, it shares the cores and says so', { timeout: 60_000 }, async (t) => {
  if (skipUnlessInstalled(t, 'strace', 'a producer that may not lower its priority')) return;
  const world = createWorld(t, { options: { stabilitySeconds: 0, settleMs: 0 } });
  world.drop('a.csv', 100);
  const refused = ['-e', 'trace=setpriority', '-e', 'inject=setpriority:error=EPERM'];
  await world.runOnce(['--log-level', 'debug'], { wrap: ['strace', '-f', '-qq', '-o', '/dev/null', ...refused] });
  world.check();
  const [told, ...more] = world.log.named('priority_refused');
  assert.match(String(told?.reason), /EPERM/);
  assert.deepEqual(more, []);
});
