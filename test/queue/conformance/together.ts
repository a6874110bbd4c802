/**
 * settle: many jobs that end alike, and further writes in the same transaction.
 */
import assert from 'node:assert/strict';
import type { Also, Job, Outcome, Tx } from '../../../queue/backend.js';
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

export const togetherScenarios: Scenarios = {
  'many that end alike end as each by itself, also where a claim among them was lost': async (world) => {
    const queue = await world.openTimed();
    await queue.enqueue(candidates(40));
    const jobs = await queue.claim('first', 40);
    const [alone, ...many] = jobs;
    const settlements = many.map((job) => ({ job, outcome: DONE }));
    await queue.settle([{ job: alone!, outcome: DONE }]);
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
    const ended = queue.counters().filter(({ name }) => name === 'finish');
    assert.equal(
      ended.reduce((sum, { files }) => sum + files, 0),
      40,
    );
  },

  'further writes commit with a settlement, and are undone with it': async (world) => {
    const queue = await world.open();
    const [a, b] = [await claimed(queue, 'a'), await claimed(queue, 'b')];
    const seen: unknown[] = [];
    const count = (tx: Tx, name: string) => tx.count('default', 'also', name, 1, 0);
    const decide = (): Outcome => {
      seen.push('decided');
      return ADVANCE;
    };
    const also: Also = (tx, settled) => {
      seen.push([...settled.keys()]);
      count(tx, 'after');
    };
    const late = { job: { ...b, claimNo: 9 }, outcome: ADVANCE };
    await queue.settle([{ job: a, outcome: decide }, late], undefined, also);
    assert.deepEqual(seen, ['decided', [a.id]]);
    const failing = queue.settle([{ job: b, outcome: ADVANCE }], undefined, (tx) => {
      count(tx, 'undone');
      assert.fail('no such thing');
    });
    await assert.rejects(failing, /no such thing/);
    assert.equal(queue.job(b.id)?.state, 'claimed');
    const counted = queue.counters().filter(({ stage }) => stage === 'also');
    assert.deepEqual(
      counted.map(({ name }) => name),
      ['after'],
    );
  },
};
