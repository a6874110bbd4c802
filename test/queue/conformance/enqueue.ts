/**
 * enqueue: which job has a key, and what another candidate for it causes.
 */
import assert from 'node:assert/strict';
import { ADVANCE, candidate, candidates, claimed, HOLD, type Scenarios, settleAs } from '../world.js';

export const enqueueScenarios: Scenarios = {
  'a candidate is new once, and known from then on': async (world) => {
    const queue = await world.open();
    assert.deepEqual(await queue.enqueue([candidate('a'), candidate('b')]), ['new', 'new']);
    assert.deepEqual(await queue.enqueue([candidate('b'), candidate('c'), candidate('a')]), ['known', 'new', 'known']);
    const [holder, nobody] = queue.holders('default', [Buffer.from('a'), Buffer.from('z')]);
    assert.equal(holder?.identity, 'a v1');
    assert.equal(holder?.state, 'ready');
    assert.equal(nobody, undefined);
    assert.deepEqual(await queue.enqueue([candidate('a', { feed: 'other' })]), ['new'], 'feeds do not share keys');
  },

  'the same key twice in one batch makes one job': async (world) => {
    const queue = await world.open();
    assert.deepEqual(await queue.enqueue([candidate('a'), candidate('a', { identity: 'a v2' })]), ['new', 'known']);
    assert.equal(queue.jobsByKey('default', Buffer.from('a')).length, 1);
  },

  'more candidates than one transaction takes': async (world) => {
    const queue = await world.open();
    const answers = await queue.enqueue(candidates(2_345));
    assert.equal(answers.filter((answer) => answer === 'new').length, 2_345);
    assert.equal(queue.stats()[0]?.ready, 2_345);
  },

  'a nudge makes a known job due and leaves its payload': async (world) => {
    const queue = await world.open();
    await queue.enqueue([candidate('a', { dueInMs: 60_000 })]);
    assert.deepEqual(await queue.claim('first', 1), []);
    assert.deepEqual(
      await queue.enqueue([candidate('a', { nudge: true, identity: 'a v2', payload: { name: 'other' } })]),
      ['known'],
    );
    const [job] = await queue.claim('first', 1);
    assert.deepEqual([job?.payload, job?.identity], [{ name: 'a' }, 'a v1']);
  },

  'a nudge by the very version that nobody has claimed yet brings its payload, and no later': async (world) => {
    const queue = await world.open();
    const seenBetter = candidate('a', { nudge: true, payload: { name: 'seen better' } });
    await queue.enqueue([candidate('a', { dueInMs: 60_000 })]);
    assert.deepEqual(await queue.enqueue([seenBetter]), ['known']);
    const [job] = await queue.claim('first', 1);
    assert.deepEqual(job?.payload, { name: 'seen better' });
    await settleAs(queue, job!, { kind: 'defer', inMs: 60_000, why: 'window', payload: { name: 'of its stage' } });
    assert.deepEqual(await queue.enqueue([seenBetter]), ['known']);
    assert.deepEqual((await queue.claim('first', 1))[0]?.payload, { name: 'of its stage' });
  },

  'a candidate that comes back while its job is claimed is asked for again, since that may end as dropped': async (
    world,
  ) => {
    const queue = await world.open();
    const job = await claimed(queue, 'a');
    assert.deepEqual(await queue.enqueue([candidate('a')]), ['busy']);
    await settleAs(queue, job, { kind: 'drop', why: 'vanished' });
    assert.deepEqual(await queue.enqueue([candidate('a')]), ['new']);
  },

  'a claimed job answers busy, also to another version and to a nudge, until its key is free': async (world) => {
    const queue = await world.open();
    const job = await claimed(queue, 'a');
    const next = candidate('a', { identity: 'a v2' });
    assert.deepEqual(await queue.enqueue([candidate('a'), next, candidate('a', { nudge: true })]), [
      'busy',
      'busy',
      'busy',
    ]);
    await settleAs(queue, job, { kind: 'advance', freeKey: true });
    assert.deepEqual(await queue.enqueue([next]), ['new']);
    assert.equal(queue.jobsByKey('default', Buffer.from('a')).length, 2);
  },

  'a finished job frees its key': async (world) => {
    const queue = await world.open();
    await settleAs(queue, await claimed(queue, 'a'), { kind: 'finish', ending: 'stored' });
    await settleAs(queue, await claimed(queue, 'a'), { kind: 'drop', why: 'gone' });
    assert.deepEqual(await queue.enqueue([candidate('a')]), ['new']);
    assert.deepEqual(
      queue.jobsByKey('default', Buffer.from('a')).map(({ ending }) => ending),
      [null, 'dropped', 'stored'],
    );
  },

  'a held job that kept its key is reopened by another version only': async (world) => {
    const queue = await world.openTimed();
    const job = await claimed(queue, 'a');
    await settleAs(queue, job, { kind: 'retry', code: 'broken', error: 'it broke' });
    world.clock.ms += 400_000;
    await settleAs(queue, (await queue.claim('first', 1))[0]!, HOLD);
    assert.deepEqual(await queue.enqueue([candidate('a'), candidate('a', { nudge: true })]), ['known', 'known']);
    assert.equal(queue.job(job.id)?.state, 'held');
    const next = candidate('a', { identity: 'a v2', payload: { name: 'second' }, bytes: 20 });
    assert.deepEqual(await queue.enqueue([next]), ['new']);
    const { state, attempts, identity, payload, bytes, holdCode } = queue.job(job.id)!;
    assert.deepEqual(
      [state, attempts, identity, payload, bytes, holdCode],
      ['ready', 0, 'a v2', { name: 'second' }, 20, null],
    );
  },

  'a held job that freed its key stays as it is': async (world) => {
    const queue = await world.open();
    const job = await claimed(queue, 'a');
    await settleAs(queue, job, { ...HOLD, freeKey: true });
    assert.deepEqual(await queue.enqueue([candidate('a', { identity: 'a v2' })]), ['new']);
    assert.equal(queue.job(job.id)?.state, 'held');
  },

  'adopts a job by its id, revives a done one and leaves a living one alone': async (world) => {
    const queue = await world.open();
    const job = await claimed(queue, 'a');
    const found = { id: job.id, feed: 'default', key: job.key, identity: 'x', bytes: 3, stage: 'second', payload: {} };
    assert.equal(await queue.transact((tx) => tx.adopt(found)), false);
    await settleAs(queue, job, { kind: 'finish', ending: 'stored' });
    assert.equal(await queue.transact((tx) => tx.adopt(found)), true);
    assert.deepEqual(
      [queue.job(job.id)?.state, queue.job(job.id)?.stage, queue.job(job.id)?.keyed],
      ['ready', 'second', false],
    );
    const id = `${job.id.slice(0, -1)}${job.id.endsWith('0') ? '1' : '0'}`;
    assert.equal(await queue.transact((tx) => tx.adopt({ ...found, id })), true);
    const both = await queue.claim('second', 5);
    assert.deepEqual(both.map((one) => one.id).sort(), [id, job.id].sort());
    assert.deepEqual(await queue.enqueue([candidate('a')]), ['new'], 'an adopted job does not hold the key');
    assert.equal(await settleAs(queue, both[0]!, ADVANCE), true);
  },

  'a job that is overruled by a found file continues from that, whatever its state': async (world) => {
    const queue = await world.open();
    const found = (id: string) => ({
      id,
      feed: 'default',
      key: Buffer.from('a'),
      identity: 'x',
      bytes: 3,
      stage: 'second',
      payload: {},
      overrule: true,
    });
    for (const outcome of [HOLD, { kind: 'wait', on: 'x', why: 'a twin' } as const, undefined]) {
      const job = await claimed(queue, 'a');
      if (outcome) await settleAs(queue, job, outcome);
      assert.equal(await queue.transact((tx) => tx.adopt(found(job.id))), true);
      const now = queue.job(job.id)!;
      assert.deepEqual([now.state, now.stage, now.keyed, now.attempts], ['ready', 'second', false, 0]);
      assert.equal(await settleAs(queue, job, ADVANCE), false, 'who had it has it no more');
    }
  },
};
