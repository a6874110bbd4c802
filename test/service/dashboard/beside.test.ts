/** The dashboard beside an ingestor: files go on, whatever happens to the dashboard. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { test } from 'node:test';
import type { StatsAnswer } from '../../../src/service/dashboard/answers.js';
import { until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';
import { freePort, ingestServed } from './served.js';

const dashboards = (world: World) => world.log.named('worker_started').filter(({ worker }) => worker === 'dashboard');

/** Kills the dashboard until another server has its address: its restart may be quicker. */
async function listenInstead(world: World, port: number): Promise<Server> {
  return until('its address', async () => {
    const living = world.programs[0]!.descendants();
    for (const { worker_pid: pid } of dashboards(world))
      if (living.includes(Number(pid))) process.kill(Number(pid), 'SIGKILL');
    const other = createServer();
    const isOurs = await new Promise<boolean>((resolve) => {
      other.on('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    return isOurs ? other : undefined;
  });
}

test('a dashboard that dies is started again; while its address is taken, files go on without it', async (t) => {
  const world = createWorld(t);
  const served = await ingestServed(world);
  // The dashboard logs that it listens. Another process logs its start, perhaps later.
  const first = await until('its start to be logged', () => dashboards(world)[0]);
  process.kill(Number(first.worker_pid), 'SIGKILL');
  await until('another one', () => dashboards(world).length === 2);
  world.drop('a.csv', 100);
  await world.stored(1);

  const other = await listenInstead(world, served.port);
  const refused = () => world.log.named('worker_lost').filter(({ reason }) => /EADDRINUSE/.test(String(reason)));
  await until('it to be refused', () => refused().length >= 2);
  world.drop('b.csv', 200);
  await world.stored(2);
  const before = dashboards(world).length;
  await new Promise((resolve) => other.close(resolve));
  await until('it to be back', () => dashboards(world).length > before);
  assert.equal((await served.json<StatsAnswer>('/stats')).processed.stored, 2);
  await world.stop();
  world.check();
});

test('an address that is taken from the start is reported in one sentence', async (t) => {
  const world = createWorld(t);
  const port = await freePort();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  t.after(() => other.close());
  const { code, stderr } = await world.run('ingest', ['--dashboard', String(port)]);
  assert.equal(code, 3);
  assert.match(stderr, /--dashboard 127\.0\.0\.1:\d+ cannot be listened on \(.*EADDRINUSE.*\); name another/);
});

test('--once ends with its dashboard, also while a page is open', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce(['--dashboard', String(await freePort())]);
  const served = await ingestServed(world);
  await served.snapshot();
  const page = fetch(`${served.url}events`);
  await page;
  await world.stop();
  world.check();
});
