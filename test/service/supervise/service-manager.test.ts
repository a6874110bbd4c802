/** Type=notify and WatchdogSec=, against a socket of the test's own. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Manager } from '../../linux/manager.js';
import { until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';

const PERIOD_MS = 400;

function manager(t: TestContext, address: string): Manager {
  const it = new Manager(address);
  t.after(() => it.close());
  return it;
}

const environment = (address: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({
  NOTIFY_SOCKET: address,
  WATCHDOG_USEC: String(PERIOD_MS * 1_000),
  ...more,
});

const started = (world: World) => world.log.named('worker_started');

test('it notifies the manager of its readiness, its life and its end; its children do not know the manager', async (t) => {
  const world = createWorld(t);
  const service = manager(t, join(world.root, 'notify'));
  const program = world.start('ingest', [], { env: environment(service.address) });
  await until('READY=1', () => service.times('READY=1') === 1);
  const readyMs = Date.now();
  await until('the producer and the worker', () => started(world).length === 2);
  for (const { time } of started(world)) assert.ok(Date.parse(String(time)) <= readyMs, 'they started before READY=1');
  // A busy machine may hold up some of them.
  await until('six signs of life in less than six periods', async () => {
    const [from, before] = [performance.now(), service.times('WATCHDOG=1')];
    await until('six signs of life', () => service.times('WATCHDOG=1') >= before + 6);
    return performance.now() - from < 6 * PERIOD_MS;
  });
  for (const pid of program.descendants())
    assert.doesNotMatch(readFileSync(`/proc/${pid}/environ`, 'latin1'), /NOTIFY_SOCKET|WATCHDOG_/);
  world.drop('a.csv', 100);
  await world.stored(1);
  await world.stop();
  // This process may read its socket after it has seen the end.
  await until('STOPPING=1', () => service.times('STOPPING=1') === 1);
  assert.equal(service.times('READY=1'), 1);
  assert.ok(service.heard.some((text) => /^STOPPING=1\nSTATUS=Finishing work in progress/.test(text)));
});

test('a parent that is stopped gives no sign of life, and one that goes on does', async (t) => {
  const world = createWorld(t);
  const service = manager(t, `@ingest-test-${process.pid}`);
  const program = world.start('ingest', [], { env: environment(service.address) });
  await until('it to be ready', () => service.times('READY=1') === 1);
  process.kill(program.pid, 'SIGSTOP');
  await until('it to stop', () => /^State:\tT/m.test(readFileSync(`/proc/${program.pid}/status`, 'utf8')));
  const before = service.times('WATCHDOG=1');
  const from = performance.now();
  await until('three periods to pass', () => performance.now() - from > 3 * PERIOD_MS);
  assert.equal(service.times('WATCHDOG=1'), before);
  process.kill(program.pid, 'SIGCONT');
  await until('a sign of life', () => service.times('WATCHDOG=1') > before);
  await world.stop();
});

test('an unreachable manager is logged once and stops nothing; it is notified later', async (t) => {
  const world = createWorld(t);
  const address = join(world.root, 'notify');
  world.start('ingest', [], { env: environment(address) });
  world.drop('a.csv', 100);
  await world.stored(1);
  const silent = () => world.log.named('service_manager_silent');
  await until('the complaint', () => silent().length > 0);
  assert.match(String(silent()[0]!.reason), /ENOENT.*sendto/);
  const service = manager(t, address);
  await until('READY=1 all the same', () => service.times('READY=1') === 1);
  assert.equal(silent().length, 1);
  await world.stop();
});

test('a watchdog that is meant for another process gets no sign of life', async (t) => {
  const world = createWorld(t);
  const service = manager(t, join(world.root, 'notify'));
  world.drop('a.csv', 100);
  await world.runOnce([], { env: environment(service.address, { WATCHDOG_PID: '1' }) });
  assert.deepEqual([service.times('READY=1'), service.times('WATCHDOG=1'), service.times('STOPPING=1')], [1, 0, 1]);
});
