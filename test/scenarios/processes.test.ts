/**
 * Separate processes on one state: 5,000 files through one program per stage, feeds of different modes side by side,
 * and a feed with one file beside one with 10,000. (The claim itself: test/queue/conformance/claim.ts.)
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../queue/limits.js';
import { stagesUsed } from '../../src/base/config/values/stage-names.js';
import type { HeardEvent } from '../world/event-log.js';
import { originOf } from '../world/manifest.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const FILES = 5_000;
/** No feed here has a chain. */
const STAGES = stagesUsed([]);
const TRACED = ['--trace'];

/** One program each for the producer and for every stage without a chain, two for hash. */
function separately(world: World): void {
  world.start('ingest-producer');
  for (const stage of [...STAGES, 'hash']) world.start('ingest-worker', ['--stage', stage, ...TRACED]);
}

const asOne = (world: World): void =>
  void world.start('ingest', ['--workers', 'verify-complete=1,hash=2,manifest=1,move=1', ...TRACED]);

for (const [name, start] of [
  ['a producer and a worker program per stage, two for hash', separately],
  ['one ingest with as many workers', asOne],
] as const) {
  test(`${FILES} files through ${name}`, async (t) => {
    const world = createWorld(t);
    start(world);
    await until('the producer and all five workers are ready', () => world.log.named('worker_started').length === 6);
    // So that both of its workers have work for long: while files come one by one, the faster one may take nearly all.
    await world.run('ingest-ctl', ['pause', 'hash']);
    for (let n = 0; n < FILES; n++) world.drop(`${n}.csv`, 64);
    const before = () => world.jobs().filter(({ stage }) => stage === 'hash').length;
    await until('all files wait before hash', () => before() === FILES, { everyMs: 250 });
    await world.run('ingest-ctl', ['resume', 'hash']);
    await world.stored(FILES);
    await world.stop();
    world.check();
    assert.equal(world.manifest().length, FILES);
    assert.equal(world.warehouse().length, FILES);
    assert.deepEqual(world.underprocess(), []);

    const settled = settledBy(world);
    assert.equal(settled.size, 5, 'five workers settled jobs');
    for (const [pid, { own, stages }] of settled) {
      assert.deepEqual([...stages.keys()], own, `the worker ${pid} settled jobs of its own stage only`);
      const files = [...stages.values()][0]!;
      assert(files.size > 100, `the worker ${pid} of ${own} settled ${files.size} jobs`);
    }
    assert.deepEqual([...settled.values()].flatMap(({ own }) => own).sort(), [...STAGES, 'hash'].sort());
  });
}

/** By worker: the stages that it was given, and the files that it settled in each stage. */
function settledBy(world: World): Map<unknown, { own: unknown; stages: Map<unknown, Set<unknown>> }> {
  const workers = new Map<unknown, { own: unknown; stages: Map<unknown, Set<unknown>> }>();
  for (const { pid, stages, stage, job } of world.log.named('stage_step')) {
    const worker = workers.get(pid) ?? { own: stages, stages: new Map<unknown, Set<unknown>>() };
    workers.set(pid, worker);
    worker.stages.set(stage, (worker.stages.get(stage) ?? new Set()).add(job));
  }
  return workers;
}

test('three feeds of different modes in one state: each to its own warehouse', async (t) => {
  const world = createWorld(t, {
    feeds: {
      windows: { options: { mode: 'stability' } },
      sidecars: { options: { mode: 'sidecar', sidecarSuffix: '.ready' } },
      polled: { options: { stabilitySeconds: 0, poll: true, scanIntervalSeconds: 0.3, preserveSubdirs: true } },
    },
  });
  world.start('ingest-producer');
  world.start('ingest-worker', ['--stage', 'all=2']);
  const same = world.content(200);
  for (let n = 0; n < 50; n++) {
    world.drop(`w${n}.csv`, 100, { feed: 'windows' });
    world.drop(`s${n}.csv`, 100, { feed: 'sidecars' });
    world.sidecar(`s${n}.csv`, '', { suffix: '.ready', feed: 'sidecars' });
    world.drop(`sub/p${n}.csv`, 100, { feed: 'polled' });
  }
  // Once for each feed: each feed has its own ledger.
  for (const feed of ['windows', 'polled']) world.drop('same.csv', same, { feed });
  const alone = world.drop('alone.csv', 100, { feed: 'sidecars' });
  await world.stored(152);
  world.untouched('alone.csv', 'sidecars');
  world.sidecar('alone.csv', '', { suffix: '.ready', feed: 'sidecars' });
  await world.event('file_ingested', (e) => e.sha256 === alone.sha256);
  await world.stop();
  world.check();
  for (const { name, input } of world.feeds) {
    assert.equal(world.warehouse(name).length, 51);
    const origins = world.manifest(name).map(({ record }) => originOf(record!, input));
    assert(origins.every((path) => path.startsWith(name[0]!) || /^(same|alone|sub\/p\d+)\.csv$/.test(path)));
    assert(world.manifest(name).every(({ record }) => record!.feed === name));
  }
  assert(world.warehouse('polled').some(({ path }) => /\/sub\/p0\.csv$/.test(path)));
});

test('the one file of a feed goes on within two batches in every stage, beside 10,000 of another', async (t) => {
  const world = createWorld(t, {
    feeds: {
      big: { options: { stabilitySeconds: 0, quietMs: 0 } },
      small: { options: { stabilitySeconds: 0, quietMs: 0 } },
    },
  });
  for (let n = 0; n < 10_000; n++) world.drop(`${n}.csv`, 32, { feed: 'big' });
  const producer = world.start('ingest-producer');
  await until('10,000 files wait', () => world.jobs('big').length === 10_000, { everyMs: 200 });
  const one = world.drop('one.csv', 32, { feed: 'small' });
  await until('the one file waits too', () => world.jobs('small').length === 1);
  await producer.stop();
  world.start('ingest-worker', TRACED);
  await world.event('file_ingested', (e) => e.sha256 === one.sha256);

  const steps = world.log.named('stage_step');
  let from = 0;
  for (const stage of STAGES) {
    const isHis = (e: HeardEvent) => e.feed === 'small' && e.stage === stage && e.outcome !== 'defer';
    const at = steps.findIndex(isHis);
    const before = steps.slice(from, at).filter((e) => e.feed === 'big' && e.stage === stage).length;
    assert(at >= 0 && before <= 2 * limits.claimBatchMax, `${stage}: ${before} of the other feed came first`);
    from = at;
  }
  const left = 10_000 - world.log.named('file_ingested').filter((e) => e.feed === 'big').length;
  assert(left > 5_000, `only ${left} of the other feed were left`);
  t.diagnostic(`stored while ${left} of 10,000 were waiting`);
});
