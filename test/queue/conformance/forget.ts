/**
 * endedBefore and forget: jobs that ended long ago are removed, and nothing else.
 */
import assert from 'node:assert/strict';
import { candidates, claimed, HOLD, type Scenarios, settleAs } from '../world.js';

const FINISH = { kind: 'finish', ending: 'stored' } as const;
const FOR_EVER = Number.MAX_SAFE_INTEGER;

export const forgetScenarios: Scenarios = {
  'of all jobs only those that have ended are forgotten, with their histories': async (world) => {
    const queue = await world.open();
    const ended = [await claimed(queue, 'stored'), await claimed(queue, 'dropped')];
    await settleAs(queue, ended[0]!, FINISH);
    await settleAs(queue, ended[1]!, { kind: 'drop', why: 'gone' });
    const held = await claimed(queue, 'held');
    await settleAs(queue, held, HOLD);
    const others = [held, await claimed(queue, 'in progress')];
    await queue.enqueue(candidates(3));
    const { seqs, next } = queue.endedBefore(FOR_EVER, 0, 100);
    assert.deepEqual([seqs.length, next], [2, undefined]);
    assert.equal(await queue.forget([1, 2, 3, 4, 5, 6, 7], FOR_EVER), 2);
    assert.deepEqual(
      ended.map(({ id }) => queue.job(id)),
      [undefined, undefined],
    );
    assert.ok(others.every(({ id }) => queue.job(id)));
    assert.deepEqual(queue.endings(10), [], 'nobody is shown what is forgotten');
    assert.equal((await queue.claim('first', 9)).length, 3);
    assert.equal(await settleAs(queue, ended[0]!, FINISH), false, 'who settles too late changes nothing');
  },

  'a job that ended later stays, even if it is requested by its number': async (world) => {
    const queue = await world.open();
    await settleAs(queue, await claimed(queue, 'a'), FINISH);
    const at = queue.endings(1)[0]!.updatedAtMs;
    assert.deepEqual(queue.endedBefore(at, 0, 10), { seqs: [], next: undefined });
    assert.equal(await queue.forget([1], at), 0);
    assert.deepEqual(queue.endedBefore(at + 1, 0, 10).seqs, [1]);
  },

  'it continues page by page, past jobs that stay': async (world) => {
    const queue = await world.open();
    await queue.enqueue(candidates(10));
    const jobs = await queue.claim('first', 10);
    await queue.settle(jobs.filter((_, i) => i !== 2).map((job) => ({ job, outcome: FINISH })));
    const seen: number[] = [];
    for (let after: number | undefined = 0; after !== undefined; ) {
      const { seqs, next }: { seqs: number[]; next: number | undefined } = queue.endedBefore(FOR_EVER, after, 3);
      seen.push(...seqs);
      after = next;
    }
    assert.deepEqual(seen, [1, 2, 4, 5, 6, 7, 8, 9, 10]);
  },
};
