/**
 * wait: jobs that wait for something, and how they are woken.
 */
import assert from 'node:assert/strict';
import { limits } from '../../../queue/limits.js';
import { candidates, type QueueWorld, type Scenarios } from '../world.js';

const WAITERS = 2 * limits.wakeBatch + 345;

async function withWaiters(world: QueueWorld, count: number) {
  const queue = await world.open();
  await queue.enqueue(candidates(count));
  for (let waiting = 0; waiting < count; ) {
    const jobs = await queue.claim('first', limits.claimBatchMax);
    await queue.settle(
      jobs.map((job) => ({ job, outcome: { kind: 'wait', on: 'content', why: 'another carries it' } })),
    );
    waiting += jobs.length;
  }
  return queue;
}
const readyIn = (queue: Awaited<ReturnType<typeof withWaiters>>) =>
  queue.stats().reduce((sum, { ready }) => sum + ready, 0);

export const waitScenarios: Scenarios = {
  'wakes thousands, each in its own stage': async (world) => {
    const queue = await withWaiters(world, WAITERS);
    const allAwake = new Promise<void>((resolve) => queue.onWork(() => readyIn(queue) === WAITERS && resolve()));
    await queue.transact((tx) => tx.wake(['content']));
    await allAwake;
    assert.equal(queue.stats()[0]?.waiting, 0);
    assert.equal((await queue.claim('first', 9)).length, 9);
  },

  'wakes no job that waits on something else': async (world) => {
    const queue = await withWaiters(world, 3);
    await queue.transact((tx) => tx.wake(['other']));
    await queue.rescue();
    assert.equal(queue.stats()[0]?.waiting, 3);
  },

  'a wake that a kill interrupted is continued by rescue': async (world) => {
    const queue = await withWaiters(world, WAITERS);
    const child = await world.child();
    await assert.rejects(child.ask('wakeAndDie', 'content'), /ended/);
    assert(readyIn(queue) < WAITERS, 'it was killed in the middle');
    await queue.rescue();
    assert.equal(readyIn(queue), WAITERS);
    assert.equal(queue.stats()[0]?.waiting, 0);
  },

  'releases the one that waits longest; the others go on waiting': async (world) => {
    const queue = await withWaiters(world, 3);
    const first = await queue.transact((tx) => {
      const oldest = tx.oldestWaiter('content');
      tx.release(oldest!.id, 'second', { payload: { carrier: true } });
      assert.equal(tx.oldestWaiter('nothing'), undefined);
      return oldest!;
    });
    assert.equal(first.payload.name, 'job-0');
    const [job, ...others] = await queue.claim('second', 9);
    assert.deepEqual([job?.id, job?.payload, others.length], [first.id, { carrier: true }, 0]);
    assert.equal(
      queue.stats().reduce((sum, { waiting }) => sum + waiting, 0),
      2,
    );
  },
};
