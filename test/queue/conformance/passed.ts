/**
 * settle: jobs that passed several stages in one claim, many jobs that end alike, and further writes in the same
 * transaction.
 */
import assert from 'node:assert/strict';
import type { Job, Tx } from '../../../queue/backend.js';
import { candidates, claimed, type Scenarios } from '../world.js';

const ADVANCE = { kind: 'advance' } as const;
const DONE = { kind: 'finish', ending: 'stored' } as const;
/** Without the fields that differ between two equal runs. */
const comparable = ({ stage, state, attempts, reason, ending, owner, keyed, bytes, dueMs, trail }: Job) => ({
  stage,
  state,
  attempts,
  reason,
  ending,
  owner,
  keyed,
  bytes,
  dueMs,
  trail: trail.map(({ stage, outcome, why, count }) => [stage, outcome, why, count]),
});

export const passedScenarios: Scenarios = {
  'a stage that was passed is as if it had been settled before, in one claim': async (world) => {
    const queue = await world.openTimed();
    const passed = { kind: 'advance', payload: { sealed: 1 }, identity: 'new', bytes: 7, freeKey: true } as const;
    const outcome = { kind: 'advance', payload: { hashed: 1 } } as const;
    const one = await claimed(queue, 'a');
    const [answer] = await queue.settle([{ job: one, passed: [passed], outcome }], new Set(['third']));
    const two = await claimed(queue, 'b');
    const [first] = await queue.settle([{ job: two, outcome: passed }], new Set(['second']));
    const [second] = await queue.settle([{ job: (first as { next: typeof two }).next, outcome }], new Set(['third']));
    const next = answer?.settled ? answer.next! : assert.fail('it was not settled');
    assert.deepEqual(comparable(next), comparable((second as { next: typeof two }).next));
    assert.deepEqual(comparable(queue.job(one.id)!), comparable(queue.job(two.id)!));
    assert.deepEqual([next.stage, next.claimNo, next.keyed, next.bytes], ['third', 2, false, 7]);
    const counted = queue.counters().filter(({ name }) => name === 'advance');
    assert.deepEqual(
      counted.map(({ stage, files, bytes }) => [stage, files, bytes]),
      [
        ['first', 2, 14],
        ['second', 2, 14],
      ],
    );
  },

  'a failure after a passed stage is the first of its own stage': async (world) => {
    const queue = await world.openTimed({ maxAttempts: 2 });
    const job = await claimed(queue, 'a');
    const outcome = { kind: 'retry', code: 'broken', error: 'it broke' } as const;
    await queue.settle([{ job: { ...job, attempts: 1 }, passed: [ADVANCE], outcome }]);
    const { state, stage, attempts, reason } = queue.job(job.id)!;
    assert.deepEqual([state, stage, attempts, reason], ['ready', 'second', 1, 'it broke']);
  },

  'a settlement that comes too late passes no stage either': async (world) => {
    const queue = await world.open();
    const job = await claimed(queue, 'a');
    const before = queue.job(job.id);
    const late = { ...job, claimNo: 9 };
    const answers = await queue.settle([
      { job: late, passed: [ADVANCE], outcome: ADVANCE },
      { job: late, passed: [ADVANCE], outcome: () => assert.fail('it was asked') },
    ]);
    assert.deepEqual(
      answers.map(({ settled }) => settled),
      [false, false],
    );
    assert.deepEqual(queue.job(job.id), before);
    assert.deepEqual(queue.counters(), []);
  },

  'many that end alike end as each by itself, also where a claim among them was lost': async (world) => {
    const queue = await world.openTimed();
    await queue.enqueue(candidates(40));
    const jobs = await queue.claim('first', 40);
    const [alone, ...many] = jobs;
    const settlements = many.map((job) => ({ job, passed: [ADVANCE], outcome: DONE }));
    await queue.settle([{ job: alone!, passed: [ADVANCE], outcome: DONE }]);
    const lost = many[3]!;
    await queue.settle([{ job: lost, outcome: { kind: 'defer', inMs: 0, why: 'given back' } }]);
    const answers = await queue.settle(settlements);
    assert.deepEqual(
      answers.flatMap(({ settled }, i) => (settled ? [] : [many[i]!.id])),
      [lost.id],
    );
    for (const job of many.filter((one) => one !== lost))
      assert.deepEqual(comparable(queue.job(job.id)!), comparable(queue.job(alone!.id)!));
    assert.equal(queue.job(lost.id)?.state, 'ready');
    const [again] = await queue.claim('first', 1);
    const rest = await queue.settle([{ job: again!, outcome: DONE }]);
    assert.equal(rest[0]?.settled, true);
    const stored = queue.counters().filter(({ name }) => name === 'stored');
    assert.equal(
      stored.reduce((sum, { files }) => sum + files, 0),
      40,
    );
  },

  'writes around a settlement commit with it, and are undone with it': async (world) => {
    const queue = await world.open();
    const [a, b] = [await claimed(queue, 'a'), await claimed(queue, 'b')];
    const seen: unknown[] = [];
    const noted = <T>(what: unknown, answer: T): T => {
      seen.push(what);
      return answer;
    };
    const count = (tx: Tx, name: string) => tx.count('default', 'around', name, 1, 0);
    await queue.settle(
      [
        { job: a, outcome: () => noted('decided', ADVANCE) },
        { job: { ...b, claimNo: 9 }, outcome: ADVANCE },
      ],
      undefined,
      {
        before: (tx) => noted('before', count(tx, 'before')),
        after: (tx, settled) => noted([...settled], count(tx, 'after')),
      },
    );
    assert.deepEqual(seen, ['before', 'decided', [a.id]]);
    const failing = queue.settle([{ job: b, outcome: ADVANCE }], undefined, {
      before: (tx) => count(tx, 'undone'),
      after: () => assert.fail('no such thing'),
    });
    await assert.rejects(failing, /no such thing/);
    assert.equal(queue.job(b.id)?.state, 'claimed');
    const around = queue.counters().filter(({ stage }) => stage === 'around');
    assert.deepEqual(around.map(({ name }) => name).sort(), ['after', 'before']);
  },
};
