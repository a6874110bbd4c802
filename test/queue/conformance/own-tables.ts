/**
 * Callers read and change jobs and gates in their own transactions, without naming a table of the queue.
 */
import assert from 'node:assert/strict';
import { candidates, type Scenarios } from '../world.js';

const GATE = {
  feed: 'default',
  stage: 'first',
  cause: 'place',
  place: 'warehouse',
  code: 'ENOSPC',
  reason: 'full',
} as const;

export const ownTablesScenarios: Scenarios = {
  'a new gate is closed since when it says, and probed when it says; an existing one keeps its times': async (
    world,
  ) => {
    const queue = await world.open();
    const times = (sinceMs: number, probeInMs: number) =>
      queue.transact((tx) => {
        const isNew = tx.closeGate({ ...GATE, sinceMs, probeInMs });
        const [gate] = tx.gates();
        return [isNew, gate!.sinceMs, gate!.probeDueMs - tx.nowMs];
      });
    assert.deepEqual(await times(1_000, 5_000), [true, 1_000, 5_000]);
    const [isNew, sinceMs] = await times(2_000, 0);
    assert.deepEqual([isNew, sinceMs], [false, 1_000]);
    assert.equal(await queue.takeProbe(queue.gates()[0]!), false, 'it is not due');
  },

  'a job is amended where it stands': async (world) => {
    const queue = await world.open();
    await queue.enqueue(candidates(2));
    const [job] = await queue.claim('first', 1);
    await queue.settle([{ job: job!, outcome: { kind: 'wait', on: 'content', why: 'another carries it' } }]);
    await queue.transact((tx) => tx.amend(job!.id, { identity: 'another', payload: { known: true } }));
    const { identity, payload, state, waitsOn } = queue.job(job!.id)!;
    assert.deepEqual([identity, payload, state, waitsOn], ['another', { known: true }, 'waiting', 'content']);
    await assert.rejects(
      queue.transact((tx) => tx.amend('nobody', {})),
      /no job nobody to amend/,
    );
  },

  'the view of all jobs has those of every state': async (world) => {
    const queue = await world.open();
    await queue.enqueue(candidates(3));
    const [done, held] = await queue.claim('first', 2);
    await queue.settle([
      { job: done!, outcome: { kind: 'finish', ending: 'stored' } },
      { job: held!, outcome: { kind: 'hold', code: 'by_hand', reason: 'look at it' } },
    ]);
    const states = queue.read((rows) => rows.all<{ state: string }>('SELECT state FROM all_jobs ORDER BY seq'));
    assert.deepEqual(
      states.map(({ state }) => state),
      ['done', 'held', 'ready'],
    );
  },

  'wakes says whether a job is still to be woken': async (world) => {
    const queue = await world.open();
    assert.equal(queue.wakes, false);
    await queue.enqueue(candidates(1));
    const [job] = await queue.claim('first', 1);
    await queue.settle([{ job: job!, outcome: { kind: 'wait', on: 'content', why: 'another carries it' } }]);
    const child = await world.child();
    await assert.rejects(child.ask('wakeAndDie', 'content'), /ended/);
    assert.equal(queue.wakes, true);
    await queue.rescue();
    assert.equal(queue.wakes, false);
    assert.equal(queue.job(job!.id)!.state, 'ready');
  },
};
