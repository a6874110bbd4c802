/** The way of a job from stage to stage follows from the list: to the next one that its feed has, and past those that have nothing to do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alter } from '../../world/state-by-hand.js';
import { type Bench, hashedBench } from './bench.js';

const stageOf = ({ world }: Bench): string => world.jobs()[0]!.stage;

async function endsStored(bench: Bench, stages: readonly string[]): Promise<void> {
  for (const stage of stages) {
    assert.equal(stageOf(bench), stage);
    assert.equal(await bench.step(stage, 9), 1);
  }
  assert.deepEqual(
    bench.world.ledger().map(({ state }) => state),
    ['stored'],
  );
  bench.world.check();
}

test('a stage that the feed does not have is left out', async (t) => {
  await endsStored(await hashedBench(t), ['manifest', 'move']);
});

test('a job in a stage that its feed does not have any more passes it', async (t) => {
  const bench = await hashedBench(t);
  alter(bench.world, "UPDATE jobs SET stage = 'process'");
  await endsStored(bench, ['process', 'manifest', 'move']);
});

test('a content that has its line passes the stages before move', async (t) => {
  const bench = await hashedBench(t);
  await bench.step('manifest', 9);
  alter(bench.world, "UPDATE jobs SET stage = 'hash'");
  await endsStored(bench, ['hash', 'manifest', 'move']);
});

test('a job that comes to move without a line gets one first', async (t) => {
  const bench = await hashedBench(t);
  alter(bench.world, "UPDATE jobs SET stage = 'move'");
  await endsStored(bench, ['move', 'manifest', 'move']);
});

test('a job that does not carry its content is never acted on', async (t) => {
  for (const stage of ['process', 'manifest', 'move']) {
    const bench = await hashedBench(t);
    alter(bench.world, `UPDATE jobs SET stage = '${stage}'`);
    alter(bench.world, "UPDATE contents SET carrier = '01ARZ3NDEKTSV4RRFFQ69G5FAV'");
    await bench.step(stage, 9);
    assert.deepEqual(bench.outcomes, [
      {
        kind: 'retry',
        code: 'not_the_carrier',
        error: `job ${bench.world.jobs()[0]!.id} does not carry content 1: this is a bug, please report it`,
      },
    ]);
  }
});
