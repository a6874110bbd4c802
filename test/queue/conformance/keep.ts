/**
 * settle with stages to keep: a process that runs both stages saves a claim.
 */
import assert from 'node:assert/strict';
import { limits } from '../../../queue/limits.js';
import { ADVANCE, candidates, claimed, type Scenarios, settleAs } from '../world.js';

export const keepScenarios: Scenarios = {
  'a job that advances to a kept stage stays claimed, under its next number': async (world) => {
    const queue = await world.openTimed();
    let job = await claimed(queue, 'a');
    await settleAs(queue, job, { kind: 'retry', code: 'broken', error: 'it broke' });
    world.clock.ms += 60_000;
    job = (await queue.claim('first', 1))[0]!;
    const outcome = { kind: 'advance', payload: { more: 1, nothing: undefined }, bytes: 12, freeKey: true } as const;
    const [answer] = await queue.settle([{ job, outcome }], new Set(['second']));
    const next = answer?.settled ? answer.next : undefined;
    assert.deepEqual(next, queue.job(job.id));
    const { state, stage, claimNo, owner, attempts, payload, bytes, keyed } = next!;
    assert.deepEqual(
      [state, stage, claimNo, owner, attempts, payload, bytes, keyed],
      ['claimed', 'second', 3, queue.owner, 0, { more: 1 }, 12, false],
    );
    assert.deepEqual(await queue.claim('second', 1), []);
    assert.equal(await settleAs(queue, job, ADVANCE), false, 'the number before is no claim any more');
    const [last] = await queue.settle([{ job: next!, outcome: ADVANCE }], new Set(['second']));
    assert.equal(last?.settled && last.next, undefined, 'the third stage was not asked for');
    assert.equal((await queue.claim('third', 1)).length, 1);
  },

  "what is kept is bounded by bytes, save for one job; the others are anybody's": async (world) => {
    const queue = await world.open();
    for (const bytes of [limits.claimBytesMax + 1, 10]) {
      await queue.enqueue(candidates(3, { bytes, feed: String(bytes) }));
      const jobs = await queue.claim('first', 9);
      const answers = await queue.settle(
        jobs.map((job) => ({ job, outcome: ADVANCE })),
        new Set(['second']),
      );
      const kept = answers.filter((answer) => answer.settled && answer.next).length;
      assert.equal(kept, bytes > limits.claimBytesMax ? 1 : 3);
    }
    assert.equal((await queue.claim('second', 9)).length, 2);
  },

  'a closed gate keeps a job from being kept': async (world) => {
    const queue = await world.open();
    const gate = {
      feed: 'default',
      stage: 'second',
      cause: 'pause',
      place: '',
      code: 'paused',
      reason: 'by hand',
    } as const;
    const job = await claimed(queue, 'a');
    await queue.transact((tx) => tx.closeGate(gate));
    const [answer] = await queue.settle([{ job, outcome: () => ADVANCE }], new Set(['second']));
    assert.equal(answer?.settled && answer.next, undefined);
    assert.deepEqual([queue.job(job.id)?.state, queue.job(job.id)?.stage], ['ready', 'second']);
  },
};
