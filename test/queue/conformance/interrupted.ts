/**
 * `interrupted`: set where a claim ends without a settlement of its own, kept through every advance, emptied by a stage.
 */
import assert from 'node:assert/strict';
import { createDispatcher } from '../../../queue/dispatch/dispatcher.js';
import type { Run } from '../../../queue/index.js';
import { limits } from '../../../queue/limits.js';
import { until } from '../../world/waiting.js';
import { ADVANCE, candidate, candidates, claimed, type Scenarios, settleAs } from '../world.js';

const AGAIN = { kind: 'defer', inMs: 0, why: 'again' } as const;

export const interruptedScenarios: Scenarios = {
  'a job is not interrupted by what a stage settles': async (world) => {
    const queue = await world.openTimed();
    const job = await claimed(queue, 'a');
    for (const outcome of [AGAIN, { kind: 'retry', code: 'broken', error: 'it broke' }, ADVANCE] as const) {
      const { id, stage } = queue.job(job.id)!;
      const [now] = queue.job(id)!.state === 'claimed' ? [job] : await queue.claim(stage, 1);
      await settleAs(queue, now!, outcome);
      assert.equal(queue.job(id)!.interrupted, false, outcome.kind);
      world.clock.ms += 60_000;
    }
  },

  'the death of an owner, and its end, interrupt all of its claims; the mark stays through every advance': async (
    world,
  ) => {
    const queue = await world.open();
    const [child, closes] = [await world.child(), await world.open()];
    await queue.enqueue(candidates(3));
    const [a, b] = await child.ask<{ id: string }[]>('claim', 'first', 2);
    const [c] = await closes.claim('first', 1);
    await child.kill();
    await closes.close();
    await queue.rescue();
    for (const { id } of [a!, b!, c!]) assert.equal(queue.job(id)!.interrupted, true);
    const [job] = await queue.claim('first', 1);
    const [answer] = await queue.settle([{ job: job!, outcome: ADVANCE }], new Set(['second']));
    const next = answer?.settled ? answer.next! : assert.fail('it was not kept');
    assert.deepEqual([next.interrupted, queue.job(next.id)!.interrupted], [true, true]);
    await settleAs(queue, next, ADVANCE);
    assert.deepEqual([queue.job(next.id)!.stage, queue.job(next.id)!.interrupted], ['third', true]);
  },

  'a job that is held as poison is interrupted too': async (world) => {
    const queue = await world.open();
    await queue.enqueue(candidates(1));
    const { id } = queue.jobsByKey('default', Buffer.from('job-0'))[0]!;
    for (let crash = 0; crash < limits.crashesMax; crash++) {
      const child = await world.child();
      await child.ask('claim', 'first', 1);
      await child.ask('inProgress', id);
      await child.kill();
      await queue.rescue();
    }
    assert.deepEqual([queue.job(id)!.state, queue.job(id)!.interrupted], ['held', true]);
  },

  'a stage sets and empties it with any settlement, a release too; another version begins without it': async (
    world,
  ) => {
    const queue = await world.openTimed();
    let job = await claimed(queue, 'a');
    const take = async () => (await queue.claim(queue.job(job.id)!.stage, 1))[0]!;
    await settleAs(queue, job, { ...AGAIN, interrupted: true });
    job = await take();
    assert.equal(job.interrupted, true);
    await queue.settle([{ job, outcome: () => ({ ...ADVANCE, interrupted: false }) }]);
    job = await take();
    assert.equal(job.interrupted, false);
    await settleAs(queue, job, { kind: 'wait', on: 'it', why: 'it comes', interrupted: true });
    await queue.transact((tx) => tx.release(job.id, 'first', { interrupted: false }));
    assert.equal(queue.job(job.id)!.interrupted, false);
    await settleAs(queue, await take(), { kind: 'hold', code: 'bad', reason: 'it is bad', interrupted: true });
    assert.equal(queue.job(job.id)!.interrupted, true);
    await queue.enqueue([candidate('a', { identity: 'a v2' })]);
    assert.deepEqual([queue.job(job.id)!.state, queue.job(job.id)!.interrupted], ['ready', false]);
  },

  'no advance forgets crashes; another version does': async (world) => {
    const queue = await world.open();
    await queue.enqueue(candidates(1));
    const child = await world.child();
    const [{ id }] = (await child.ask<{ id: string }[]>('claim', 'first', 1)) as [{ id: string }];
    await child.ask('inProgress', id);
    await child.kill();
    await queue.rescue();
    const [job] = await queue.claim('first', 1);
    const [answer] = await queue.settle([{ job: job!, outcome: ADVANCE }], new Set(['second']));
    await settleAs(queue, answer?.settled ? answer.next! : assert.fail('it was not kept'), ADVANCE);
    assert.equal(queue.job(id)!.crashes, 1);
    const [third] = await queue.claim('third', 1);
    await settleAs(queue, third!, { ...AGAIN, identity: 'another' });
    assert.equal(queue.job(id)!.crashes, 0);
  },

  'a handler that throws, or leaves a job unsettled, has interrupted it': async (world) => {
    const queue = await world.open();
    const runs: Run[] = [() => Promise.reject(new Error('a bug')), async () => [undefined]];
    for (const [i, run] of runs.entries()) {
      await queue.enqueue([candidate(`job-${i}`)]);
      const { id } = queue.jobsByKey('default', Buffer.from(`job-${i}`))[0]!;
      const dispatcher = createDispatcher({ backend: queue, stage: 'first', batchMax: 1, run, onError: () => {} });
      dispatcher.start();
      await until('it was given back', () => queue.job(id)!.claimNo > 0 && queue.job(id)!.state === 'ready');
      await dispatcher.stop();
      assert.equal(queue.job(id)!.interrupted, true);
    }
  },
};
