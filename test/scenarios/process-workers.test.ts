/** The stage `process` in processes of its own, beside those of the other stages. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { stagesUsed } from '../../src/base/config/values/stage-names.js';
import type { Report } from '../../src/service/status/report.js';
import { BY_COUNTRY, changeChain, orders } from '../world/chains.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const FILES = 60;

function chained(t: TestContext): World {
  return createWorld(t, {
    feeds: { orders: { options: { stabilitySeconds: 0, quietMs: 0, process: BY_COUNTRY } } },
  });
}

function dropAll(world: World): void {
  for (let n = 0; n < FILES; n++) {
    const { text, made } = orders(`of ${n}`, 200);
    world.made.set(world.drop(`${n}.csv`, text).sha256, made);
  }
}

const waitBefore = (world: World, stage: string): Promise<unknown> =>
  until(`all to wait before ${stage}`, () => world.jobs().filter((job) => job.stage === stage).length === FILES);

test('--workers process=2: two processes do it, and one each the other stages; a pause holds them both', async (t) => {
  const world = chained(t);
  world.start('ingest', ['--workers', 'process=2', '--trace']);
  await until('producer and workers', () => world.log.named('worker_started').length === 7);
  await world.run('ingest-ctl', ['pause', 'process']);
  dropAll(world);
  await waitBefore(world, 'process');
  await world.run('ingest-ctl', ['resume', 'process']);
  await world.stored(FILES);
  await world.stop();
  world.check();
  const steps = world.log.named('stage_step').filter(({ stage }) => stage === 'process');
  const byPid = new Map<unknown, number>();
  for (const { pid, stages } of steps) {
    assert.deepEqual(stages, ['process']);
    byPid.set(pid, (byPid.get(pid) ?? 0) + 1);
  }
  assert.equal(byPid.size, 2, `${[...byPid.values()]} steps of each`);
});

test('ingest-worker --stage process: what waits for it is named while it is not there', async (t) => {
  const world = chained(t);
  world.start('ingest-producer');
  for (const stage of stagesUsed([])) world.start('ingest-worker', ['--stage', stage]);
  dropAll(world);
  await waitBefore(world, 'process');
  const { stdout } = await world.run('queue-stat', ['--json']);
  const missing = (JSON.parse(stdout) as Report).findings.filter(({ code }) => code === 'no_worker');
  assert.deepEqual(
    missing.map(({ severity, sentence, release }) => [severity, sentence, release]),
    [
      [
        'stuck',
        `No process does process; ${FILES} files wait there.`,
        'start ingest-worker --stage process, or look why it ended',
      ],
    ],
  );
  world.start('ingest-worker', ['--stage', 'process=2']);
  await world.stored(FILES);
  await world.stop();
  world.check();
});

test('a file that waited for a chain is stored after the chain was removed from the configuration', async (t) => {
  const world = chained(t);
  await world.runOnce();
  await world.run('ingest-ctl', ['pause', 'process']);
  world.start('ingest');
  world.drop('late.csv', orders('late', 20).text);
  await until('it waits for its chain', () => world.jobs().some(({ stage }) => stage === 'process'));
  await world.stop();
  await world.run('ingest-ctl', ['resume', 'process']);
  changeChain(world, 'orders', undefined);
  await world.runOnce();
  world.check();
});
