/**
 * Details for a page: the last endings, the jobs in progress, why others wait or are held, and how long stages took.
 */
import assert from 'node:assert/strict';
import type { HeldFor } from '../../../queue/index.js';
import { limits } from '../../../queue/limits.js';
import { ADVANCE, candidate, candidates, claimed, HOLD, type Scenarios, settleAs } from '../world.js';

const FINISH = { kind: 'finish', ending: 'stored' } as const;

export const looksScenarios: Scenarios = {
  'the jobs that ended last come first, however they ended, and old ones are forgotten': async (world) => {
    const queue = await world.open();
    const [dropped, given] = [await claimed(queue, 'dropped'), await claimed(queue, 'given up')];
    await settleAs(queue, dropped, { kind: 'drop', why: 'gone' });
    await settleAs(queue, given, HOLD);
    assert.deepEqual(
      queue.endings(10).map(({ id }) => id),
      [dropped.id],
      'a held job has not ended',
    );
    await queue.amendHeld([given.id], () => ({ kind: 'finish', ending: 'discarded' }));
    assert.deepEqual(
      queue.endings(10).map(({ ending }) => ending),
      ['discarded', 'dropped'],
    );
    const many = limits.endingsKept + 100;
    await queue.enqueue(candidates(many));
    const jobs = await queue.claim('first', many);
    await queue.settle(jobs.map((job) => ({ job, outcome: FINISH })));
    const kept = queue.endings(1_000);
    assert.ok(kept.length >= limits.endingsKept && kept.length < limits.endingsKept + 100, `${kept.length}`);
    assert.equal(kept[0]!.id, jobs.at(-1)!.id);
    assert.deepEqual(queue.endings(3), kept.slice(0, 3));
  },

  'an ending that was undone with its caller is not remembered': async (world) => {
    const queue = await world.open();
    const job = await claimed(queue, 'a');
    const failing = (): void => assert.fail('the caller fails');
    await assert.rejects(queue.settle([{ job, outcome: FINISH }], undefined, failing));
    assert.deepEqual([queue.endings(10), queue.durations()], [[], []]);
  },

  'jobs in progress: the largest first, of all owners': async (world) => {
    const [queue, other] = [await world.open(), await world.open()];
    for (const [i, bytes] of [10, 30, 20].entries()) await queue.enqueue([candidate(`${i}`, { bytes })]);
    await queue.claim('first', 2);
    await other.claim('first', 1);
    assert.deepEqual(
      queue.inProgress(10).map(({ bytes }) => bytes),
      [30, 20, 10],
    );
    assert.equal(queue.inProgress(1).length, 1);
  },

  'reasons of ready jobs: one line each, with the job that came first, until the reason is gone': async (world) => {
    const queue = await world.openTimed();
    for (const [name, why] of [
      ['a', 'still open'],
      ['b', 'still open'],
      ['c', 'no sidecar'],
    ] as const)
      await settleAs(queue, await claimed(queue, name), { kind: 'defer', inMs: 100, why });
    await settleAs(queue, await claimed(queue, 'd'), { kind: 'retry', code: 'broken', error: 'EIO of d' });
    await settleAs(queue, await claimed(queue, 'e'), HOLD);
    await queue.enqueue([candidate('f')]);
    const told = () =>
      queue.reasons().map(({ reason, feed, stage, jobs, oldest }) => [reason, feed, stage, jobs, String(oldest.key)]);
    assert.deepEqual(told(), [
      ['EIO of d', 'default', 'first', 1, 'd'],
      ['no sidecar', 'default', 'first', 1, 'c'],
      ['still open', 'default', 'first', 2, 'a'],
    ]);
    world.clock.ms += 1_000_000;
    for (const job of await queue.claim('first', 10)) await settleAs(queue, job, ADVANCE);
    assert.deepEqual(told(), []);
  },

  'failed attempts with one code are one reason, whatever their texts, and hide no other one': async (world) => {
    const queue = await world.openTimed();
    await settleAs(queue, await claimed(queue, 'z'), { kind: 'defer', inMs: 100, why: 'still open' });
    await queue.enqueue(candidates(60));
    const jobs = await queue.claim('first', 1_000);
    const failed = jobs.map((job) => ({ kind: 'retry', code: 'broken', error: `${job.key}: EIO` }) as const);
    await queue.settle(jobs.map((job, i) => ({ job, outcome: failed[i]! })));
    assert.deepEqual(
      queue.reasons().map(({ reason, jobs: count }) => [reason, count]),
      [
        [failed[0]!.error, 60],
        ['still open', 1],
      ],
    );
    world.clock.ms += 1_000_000;
    // Only the last answer of a stage counts.
    const again = await queue.claim('first', 1_000);
    await queue.settle(again.map((job) => ({ job, outcome: { kind: 'defer', inMs: 0, why: 'still open' } })));
    assert.deepEqual(
      queue.reasons().map(({ reason, jobs: count }) => [reason, count]),
      [['still open', 61]],
    );
  },

  'held jobs: by feed, stage and code, with the one that has been held longest; stats agree': async (world) => {
    const queue = await world.open();
    for (const [name, code] of [
      ['a', 'odd'],
      ['b', 'odd'],
      ['c', 'large'],
    ] as const)
      await settleAs(queue, await claimed(queue, name), { kind: 'hold', code, reason: `it is ${code}` });
    const held = queue.heldFor();
    assert.deepEqual(
      held.map(({ feed, stage, code, jobs, oldest }) => [feed, stage, code, jobs, String(oldest.key), oldest.reason]),
      [
        ['default', 'first', 'odd', 2, 'a', 'it is odd'],
        ['default', 'first', 'large', 1, 'c', 'it is large'],
      ],
    );
    // Ages continue to grow between two reads.
    const counted = (of?: HeldFor[]) => queue.stats(of).map(({ oldestAgeMs: _, ...figures }) => figures);
    assert.deepEqual(counted(held), counted());
    assert.equal(queue.stats().find(({ stage }) => stage === 'first')?.held, 3);
    const [first] = held;
    await queue.amendHeld([first!.oldest.id], (_tx, job) => ({ kind: 'back', to: job.stage }));
    const [again] = await queue.claim('first', 1);
    await settleAs(queue, again!, { kind: 'hold', code: 'odd', reason: 'it is odd again' });
    const [still] = queue.heldFor();
    assert.deepEqual([still!.jobs, String(still!.oldest.key), still!.oldest.reason], [2, 'b', 'it is odd']);
    await queue.amendHeld([first!.oldest.id], () => ({ kind: 'back', to: 'first' }));
    assert.deepEqual(
      queue.heldFor().map(({ code, jobs }) => [code, jobs]),
      [
        ['large', 1],
        ['odd', 1],
      ].sort(),
    );
  },

  'keys of what is held: in pages, of a feed and of a code': async (world) => {
    const queue = await world.open();
    for (const [name, code] of [
      ['a', 'odd'],
      ['b', 'large'],
      ['c', 'odd'],
    ] as const)
      await settleAs(queue, await claimed(queue, name), { kind: 'hold', code, reason: `it is ${code}` });
    const keys = (filter: Parameters<typeof queue.heldKeys>[0]) =>
      queue.heldKeys(filter).map(({ feed, code, key }) => [feed, code, String(key)]);
    const all = [
      ['default', 'odd', 'a'],
      ['default', 'large', 'b'],
      ['default', 'odd', 'c'],
    ];
    assert.deepEqual(keys({ limit: 10 }), all);
    assert.deepEqual(keys({ limit: 10, code: 'odd' }), [all[0], all[2]]);
    assert.deepEqual(keys({ limit: 10, feed: 'another' }), []);
    const [first] = queue.heldKeys({ limit: 1 });
    assert.deepEqual(keys({ limit: 1, after: first!.id }), [all[1]]);
    assert.equal(first!.sinceMs, queue.job(first!.id)!.updatedAtMs);
  },

  'durations: from the entry into a stage until it is left for good, and of the whole way, by powers of two': async (
    world,
  ) => {
    const queue = await world.open();
    const job = await claimed(queue, 'a');
    await settleAs(queue, job, { kind: 'defer', inMs: 0, why: 'not yet' });
    assert.deepEqual(queue.durations(), [], 'it has not left');
    const [again] = await queue.claim('first', 1);
    await settleAs(queue, again!, ADVANCE);
    await settleAs(queue, (await queue.claim('second', 1))[0]!, FINISH);
    const durations = queue.durations();
    assert.deepEqual(
      durations.map(({ stage, jobs }) => [stage, jobs]),
      [
        ['*', 1],
        ['first', 1],
        ['second', 1],
      ],
    );
    for (const { belowMs, ms } of durations) {
      assert.equal(Math.log2(belowMs) % 1, 0);
      assert.ok(ms < belowMs && (ms >= belowMs / 2 || ms === 0), `${ms} of ${belowMs}`);
    }
  },

  'a process that died is counted, one that closed is not': async (world) => {
    const queue = await world.open();
    const [dies, closes] = [await world.child(), await world.open()];
    await closes.close();
    await dies.kill();
    await queue.rescue();
    const counted = queue.counters().filter(({ stage }) => stage === 'owners');
    assert.deepEqual(counted, [{ feed: '*', stage: 'owners', name: 'lost', files: 1, bytes: 0 }]);
  },
};
