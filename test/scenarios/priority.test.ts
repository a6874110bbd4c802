/** The producer gives way to the workers, and the workers give way to the dashboard, where they are allowed to. */
import assert from 'node:assert/strict';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { ingestServed } from '../service/dashboard/served.js';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';

test('workers have a lower priority than the dashboard, and the producer than they', async (t) => {
  const world = createWorld(t);
  const served = await ingestServed(world);
  const roles = ['dashboard', 'worker', 'producer'];
  const pids = await until('all to be at work', () => {
    const started = world.log.named('worker_started');
    const of = roles.map((role) => started.find(({ worker }) => String(worker).startsWith(role))?.worker_pid);
    return of.every((pid) => pid !== undefined) && of.map(Number);
  });
  assert.equal((await served.ask('/healthz')).status, 200);
  const own = getPriority();
  assert.deepEqual(
    [world.programs[0]!.pid, ...pids].map((pid) => getPriority(pid)),
    [0, 0, 5, 10].map((nicer) => Math.min(own + nicer, 19)),
  );
  await world.stop();
});

test('where it may not, it shares the cores and says so', async (t) => {
  if (skipUnlessInstalled(t, 'strace', 'a process that may not lower its priority')) return;
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  world.drop('a.csv', 100);
  const refused = ['-e', 'trace=setpriority', '-e', 'inject=setpriority:error=EPERM'];
  await world.runOnce(['--log-level', 'debug'], { wrap: ['strace', '-f', '-qq', '-o', '/dev/null', ...refused] });
  world.check();
  const told = world.log.named('priority_refused');
  assert.deepEqual(
    told.map(({ reason }) => /EPERM/.test(String(reason))),
    [true, true],
  );
});
