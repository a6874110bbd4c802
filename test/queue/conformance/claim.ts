/**
 * claim: due jobs, oldest first, feeds in turn, never through a closed gate.
 */
import assert from 'node:assert/strict';
import type { Backend, ClaimedJob } from '../../../queue/backend.js';
import { limits } from '../../../queue/limits.js';
import { ADVANCE, candidate, candidates, claimed, type Scenarios, settleAs } from '../world.js';

const advanceAll = (queue: Backend, jobs: ClaimedJob[]) => queue.settle(jobs.map((job) => ({ job, outcome: ADVANCE })));
const feedsOf = (jobs: ClaimedJob[]) => [...new Set(jobs.map(({ feed }) => feed))].sort();

export const claimScenarios: Scenarios = {
  'claims the oldest due jobs first, each once, with a number of its own': async (world) => {
    const queue = await world.openTimed();
    await queue.enqueue([candidate('late', { dueInMs: 5_000 })]);
    await queue.enqueue([candidate('b'), candidate('c'), candidate('d')]);
    const jobs = await queue.claim('first', 2);
    assert.deepEqual(
      jobs.map(({ payload }) => payload.name),
      ['b', 'c'],
    );
    assert.deepEqual(
      jobs.map(({ owner, claimNo, state }) => [owner, claimNo, state]),
      Array(2).fill([queue.owner, 1, 'claimed']),
    );
    assert.equal(queue.nextDueMs('first'), world.clock.ms);
    assert.deepEqual(
      (await queue.claim('first', 9)).map(({ payload }) => payload.name),
      ['d'],
    );
    assert.equal(queue.nextDueMs('first'), world.clock.ms + 5_000);
    world.clock.ms += 5_000;
    assert.deepEqual(
      (await queue.claim('first', 9)).map(({ payload }) => payload.name),
      ['late'],
    );
    assert.equal(queue.nextDueMs('first'), Number.POSITIVE_INFINITY);
    assert.deepEqual(await queue.claim('second', 9), []);
  },

  'a feed may ask for another order; one claim in four begins with the job that has been due longest': async (
    world,
  ) => {
    const queue = await world.openTimed();
    const sizes = { z: 9, b: 5, m: 1, a: 7, q: 3, c: 8, k: 2, x: 6 };
    // The fourth, eighth and twelfth claim start with z, which came first.
    const ordered: Record<string, string[][]> = {
      name: [['a', 'b'], ['c'], ['k'], ['z', 'm'], ['q', 'x']],
      size: [['m', 'k'], ['q'], ['z'], ['b', 'x'], ['a', 'c']],
      newest: [['x', 'k'], ['z'], ['c'], ['q', 'a'], ['m', 'b']],
      arrival: [['z', 'b'], ['m'], ['a'], ['q', 'c'], ['k', 'x']],
    };
    for (const [order, batches] of Object.entries(ordered)) {
      await queue.putFeed('f', { order });
      world.clock.ms += limits.ordersKnownMs + 1;
      for (const [name, bytes] of Object.entries(sizes)) {
        await queue.enqueue([candidate(`${order} ${name}`, { feed: 'f', bytes })]);
        world.clock.ms += 1;
      }
      const got: string[][] = [];
      for (const batch of batches) {
        const jobs = await queue.claim('first', batch.length);
        got.push(jobs.map(({ payload }) => String(payload.name).slice(order.length + 1)));
        await queue.settle(jobs.map((job) => ({ job, outcome: { kind: 'finish', ending: 'stored' } })));
      }
      assert.deepEqual(got, batches, order);
    }
  },

  'batches are short while several feeds have work, and for a while after': async (world) => {
    const queue = await world.openTimed();
    await queue.enqueue(candidates(4_000, { feed: 'big' }));
    assert.equal((await queue.claim('first', 1_000)).length, 1_000);
    await queue.enqueue([candidate('x', { feed: 'small' })]);
    assert.equal((await queue.claim('first', 1_000)).length, limits.claimSharedMax);
    world.clock.ms += limits.sharedForMs;
    assert.equal((await queue.claim('first', 1_000)).length, limits.claimSharedMax);
    world.clock.ms += limits.sharedForMs + 1;
    assert.equal((await queue.claim('first', 1_000)).length, 1_000);
  },

  'a feed with one job is served within two batches while another has 10,000': async (world) => {
    const queue = await world.open();
    await queue.enqueue(candidates(10_000, { feed: 'big' }));
    await advanceAll(queue, await queue.claim('first', 100));
    await queue.enqueue([candidate('only', { feed: 'small' })]);
    const served = [await queue.claim('first', 100), await queue.claim('first', 100)];
    assert(served.flat().some(({ feed }) => feed === 'small'));
    assert.equal(served.flat().length, 200, 'and the room that it leaves is used');
  },

  'a claim is bounded by bytes too, takes one job whatever its size, and no feed waits forever for room': async (
    world,
  ) => {
    const queue = await world.open();
    await queue.enqueue([candidate('1', { bytes: 40 }), candidate('2', { bytes: 60 }), candidate('3', { bytes: 1 })]);
    const keysOf = (jobs: ClaimedJob[]) => jobs.map(({ key }) => key.toString());
    assert.deepEqual(keysOf(await queue.claim('first', 9, 100)), ['1', '2']);
    assert.deepEqual(keysOf(await queue.claim('first', 9, 100)), ['3']);
    await queue.enqueue(candidates(9, { feed: 'huge', bytes: 500 }));
    for (const feed of ['a', 'z']) await queue.enqueue(candidates(100, { feed, bytes: 10 }));
    const rounds = [];
    for (let i = 0; i < 6; i++) rounds.push(await queue.claim('first', 9, 100));
    assert(
      rounds.filter((jobs) => jobs.some(({ feed }) => feed === 'huge')).length >= 2,
      'the huge ones have their turn',
    );
    for (const feed of ['a', 'z']) assert(rounds.flat().filter((job) => job.feed === feed).length >= 6, feed);
    for (const jobs of rounds) {
      const bytes = jobs.reduce((sum, job) => sum + job.bytes, 0);
      assert(bytes <= 100 || (bytes < 600 && jobs[0]?.feed === 'huge'), `${bytes} bytes at once`);
    }
  },

  'more feeds than places in a batch take turns': async (world) => {
    const queue = await world.open();
    const feeds = ['a', 'b', 'c', 'd', 'e'];
    for (const feed of feeds) await queue.enqueue(candidates(10, { feed }));
    const rounds: ClaimedJob[] = [];
    for (let i = 0; i < 5; i++) rounds.push(...(await queue.claim('first', 1)));
    assert.deepEqual(feedsOf(rounds), feeds);
  },

  'two processes never claim the same job': async (world) => {
    const queue = await world.open();
    const children = [await world.child(), await world.child()];
    await queue.enqueue(candidates(3_000));
    const had = await Promise.all(children.map((child) => child.ask<string[]>('work', 'first', 50)));
    assert.equal(had.flat().length, 3_000);
    assert.equal(new Set(had.flat()).size, 3_000);
    assert.equal(queue.stats().find(({ stage }) => stage === 'second')?.ready, 3_000);
    for (const mine of had) assert(mine.length > 0, 'both worked');
  },

  'a closed gate keeps its stage and feed, and nothing else': async (world) => {
    const queue = await world.open();
    const gate = { stage: 'first', cause: 'pause', place: '', code: 'paused', reason: 'by hand' } as const;
    await queue.enqueue([candidate('x', { feed: 'a' }), candidate('x', { feed: 'b' })]);
    assert.equal(await queue.transact((tx) => tx.closeGate({ ...gate, feed: 'a' })), true);
    const [open, ...more] = await queue.claim('first', 9);
    assert.deepEqual([open?.feed, more.length], ['b', 0]);
    assert.equal(queue.nextDueMs('first'), Number.POSITIVE_INFINITY, 'what is closed is not looked for');
    await queue.transact((tx) => tx.openGate({ ...gate, feed: 'a' }));
    assert.deepEqual(feedsOf(await queue.claim('first', 9)), ['a']);
  },

  'a star closes all stages or all feeds': async (world) => {
    const queue = await world.open();
    const gate = { cause: 'pause', place: '', code: 'paused', reason: 'by hand' } as const;
    await settleAs(queue, await claimed(queue, 'x'), ADVANCE);
    for (const [feed, stage] of [
      ['default', '*'],
      ['*', 'second'],
      ['*', '*'],
    ] as const) {
      await queue.transact((tx) => tx.closeGate({ ...gate, feed, stage }));
      assert.deepEqual(await queue.claim('second', 9), [], `${feed} ${stage}`);
      await queue.transact((tx) => tx.openGate({ ...gate, feed, stage }));
    }
    assert.equal((await queue.claim('second', 9)).length, 1);
  },

  'removing one cause never opens another; closing again keeps the start time': async (world) => {
    const queue = await world.open();
    const place = {
      feed: 'default',
      stage: 'first',
      cause: 'place',
      place: '/w',
      code: 'ENOSPC',
      reason: 'full',
    } as const;
    const pause = { ...place, cause: 'pause', place: '' } as const;
    await queue.enqueue([candidate('x')]);
    assert.equal(await queue.transact((tx) => tx.closeGate(place)), true);
    const { sinceMs } = queue.gates()[0]!;
    assert.equal(await queue.transact((tx) => tx.closeGate({ ...place, reason: 'still full' })), false);
    assert.deepEqual(
      queue.gates().map((gate) => [gate.sinceMs, gate.reason]),
      [[sinceMs, 'still full']],
    );
    await queue.transact((tx) => tx.closeGate(pause));
    assert.equal(await queue.transact((tx) => tx.openGate(place)), true);
    assert.equal(await queue.transact((tx) => tx.openGate(place)), false);
    assert.deepEqual(await queue.claim('first', 1), []);
    await queue.transact((tx) => tx.openGate(pause));
    assert.equal((await queue.claim('first', 1)).length, 1);
  },

  'a gate whose time is over closes nothing, before anybody removes it': async (world) => {
    const queue = await world.open();
    const gate = { feed: '*', stage: 'first', cause: 'pause', place: '', code: 'paused', reason: 'by hand' } as const;
    const [past, future] = [Date.now() - 1, Date.now() + 60_000];
    await queue.enqueue([candidate('x')]);
    assert.equal(await queue.transact((tx) => tx.closeGate({ ...gate, untilMs: future })), true);
    assert.equal(queue.gates()[0]!.untilMs, future);
    assert.deepEqual([await queue.claim('first', 9), queue.endedGates()], [[], []]);
    assert.equal(await queue.transact((tx) => tx.closeGate({ ...gate, untilMs: past })), false, 'the end is moved');
    assert.deepEqual(queue.gates(), []);
    assert.ok(queue.nextDueMs('first') <= queue.nowMs());
    assert.equal((await queue.claim('first', 9)).length, 1);
    assert.equal(queue.endedGates().length, 1);
    assert.equal(await queue.transact((tx) => tx.closeGate(gate)), true, 'it is a new one');
    assert.deepEqual([queue.gates().length, queue.gates()[0]!.untilMs, queue.endedGates()], [1, null, []]);
  },

  'one living owner probes a failing place; a dead one loses the probe': async (world) => {
    const queue = await world.open();
    const other = await world.open();
    const close = { feed: '*', stage: 'first', cause: 'place', place: '/w', code: 'EIO', reason: 'broken' } as const;
    await queue.transact((tx) => tx.closeGate(close));
    const gate = () => queue.gates()[0]!;
    assert.equal(await queue.takeProbe(gate()), true);
    assert.equal(await queue.takeProbe(gate()), true, 'its own, which it could not put back');
    assert.equal(await other.takeProbe(gate()), false);
    await queue.putBackProbe(gate(), 60_000);
    assert.equal(await other.takeProbe(gate()), false, 'not due');
    await queue.transact((tx) => tx.openGate(close));
    await queue.transact((tx) => tx.closeGate(close));
    const child = await world.child();
    assert.equal(await child.ask('takeProbe'), true);
    assert.equal(await queue.takeProbe(gate()), false);
    await child.kill();
    assert.equal(await queue.takeProbe(gate()), true);
  },
};
