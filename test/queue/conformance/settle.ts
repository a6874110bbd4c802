/**
 * settle: every outcome, and what shares its transaction.
 */
import assert from 'node:assert/strict';
import { limits } from '../../../queue/limits.js';
import { ADVANCE, candidate, candidates, claimed, HOLD, type Scenarios, settleAs } from '../world.js';

export const settleScenarios: Scenarios = {
  'advance leads to the next stage, and back to an earlier one, due at once': async (world) => {
    const queue = await world.open();
    const job = await claimed(queue, 'a');
    await settleAs(queue, job, { kind: 'advance', payload: { more: 1 }, identity: 'new', bytes: 99 });
    const [second] = await queue.claim('second', 1);
    assert.deepEqual([second?.payload, second?.identity, second?.bytes, second?.claimNo], [{ more: 1 }, 'new', 99, 2]);
    await settleAs(queue, second!, { kind: 'back', to: 'first' });
    assert.equal(queue.job(job.id)?.stage, 'first');
    assert.deepEqual(
      queue.job(job.id)?.trail.map(({ stage, outcome }) => [stage, outcome]),
      [
        ['first', 'advance'],
        ['second', 'back'],
      ],
    );
    const [again] = await queue.claim('first', 1);
    const [answer] = await queue.settle([{ job: again!, outcome: () => ({ kind: 'back', to: 'second' }) }]);
    assert.deepEqual(answer!.settled && [answer!.outcome.kind, queue.job(job.id)?.stage], ['retry', 'first']);
  },

  'advance after the last stage is the end of the job, and what it counts is for the owner to say': async (world) => {
    const queue = await world.open({ next: (_feed, stage) => (stage === 'first' ? 'second' : undefined) });
    await queue.enqueue(candidates(10, { bytes: 7 }));
    await queue.settle((await queue.claim('first', 10)).map((job) => ({ job, outcome: ADVANCE })));
    const jobs = await queue.claim('second', 10);
    // The first nine are written by one statement.
    const answers = await queue.settle(
      jobs.map((job, i) => ({ job, outcome: i < 9 ? ADVANCE : () => ADVANCE })),
      new Set(['second']),
      (tx, settled) => tx.count('default', 'second', 'stored', settled.size, 1),
    );
    assert.deepEqual(new Set(answers.map((one) => one.settled && one.outcome.kind)), new Set(['finish']));
    const ends = jobs.map(({ id }) => queue.job(id)!).map(({ state, ending, keyed }) => `${state} ${ending} ${keyed}`);
    assert.deepEqual([...new Set(ends)], ['done stored false']);
    const counted = queue.counters().flatMap(({ stage, name, files }) => (stage === 'second' ? [[name, files]] : []));
    assert.deepEqual(counted, [
      ['finish', 10],
      ['stored', 10],
    ]);
    assert.deepEqual(queue.depths(), []);
  },

  'advance leads to the stage that the owner names for the feed of the job': async (world) => {
    const queue = await world.open({
      next: (feed, stage) => (feed === 'default' && stage === 'first' ? 'third' : undefined),
    });
    const job = await claimed(queue, 'a');
    await settleAs(queue, job, { kind: 'advance' });
    assert.equal(queue.job(job.id)?.stage, 'third');
  },

  'many that end alike in one settlement leave nothing in the figures': async (world) => {
    const queue = await world.open();
    await queue.enqueue(candidates(20));
    const advance = { kind: 'advance' } as const;
    await queue.settle((await queue.claim('first', 20)).map((job) => ({ job, outcome: advance })));
    const finish = { kind: 'finish', ending: 'kept' } as const;
    await queue.settle((await queue.claim('second', 20)).map((job) => ({ job, outcome: finish })));
    assert.deepEqual(queue.depths(), []);
    assert.equal(queue.counters().find(({ name }) => name === 'kept')?.files, 20);
  },

  'defer costs no attempt, and equal ones are one line of the trail': async (world) => {
    const queue = await world.openTimed();
    let job = await claimed(queue, 'a');
    for (let i = 0; i < 20; i++) {
      await settleAs(queue, job, { kind: 'defer', inMs: 100, why: 'still written' });
      assert.deepEqual(await queue.claim('first', 1), []);
      world.clock.ms += 100;
      job = (await queue.claim('first', 1))[0]!;
    }
    assert.equal(job.attempts, 0);
    assert.deepEqual(
      job.trail.map(({ outcome, why, count }) => [outcome, why, count]),
      [['defer', 'still written', 20]],
    );
  },

  'a long history is folded in its middle': async (world) => {
    const queue = await world.open();
    let job = await claimed(queue, 'a');
    for (let i = 0; i < 200; i++) {
      await settleAs(queue, job, { kind: 'defer', inMs: 0, why: `reason ${i}` });
      job = (await queue.claim('first', 1))[0]!;
    }
    assert(job.trail.length <= limits.trailMax);
    assert.equal(
      job.trail.reduce((sum, { count }) => sum + count, 0),
      200,
    );
    assert.deepEqual([job.trail[0]?.why, job.trail.at(-1)?.why], ['reason 0', 'reason 199']);
  },

  'retry backs off, longer each time, and is held with its code after the limit': async (world) => {
    const queue = await world.openTimed({ maxAttempts: 4 });
    let job = await claimed(queue, 'a');
    for (const attempt of [1, 2, 3]) {
      await settleAs(queue, job, { kind: 'retry', code: 'broken', error: `failure ${attempt}` });
      const { state, attempts, dueMs, reason } = queue.job(job.id)!;
      const full = limits.retryFirstMs * 2 ** (attempt - 1);
      assert.deepEqual([state, attempts, reason], ['ready', attempt, `failure ${attempt}`]);
      assert(
        dueMs - world.clock.ms >= full / 2 && dueMs - world.clock.ms <= full,
        `${dueMs - world.clock.ms} of ${full}`,
      );
      world.clock.ms = dueMs;
      job = (await queue.claim('first', 1))[0]!;
    }
    const [answer] = await queue.settle([{ job, outcome: { kind: 'retry', code: 'broken', error: 'the last' } }]);
    assert.equal(answer?.settled && answer.outcome.kind, 'hold');
    const { state, attempts, holdCode, reason } = queue.job(job.id)!;
    assert.deepEqual([state, attempts, holdCode, reason], ['held', 4, 'broken', 'the last']);
    assert.deepEqual(
      queue.held({ limit: 9, code: 'broken' }).map(({ id }) => id),
      [job.id],
    );
    assert.deepEqual(queue.held({ limit: 9, code: 'other' }), []);
    assert.deepEqual(queue.held({ limit: 9, after: job.id }), []);
  },

  'a function decides inside the settling transaction, with its own writes': async (world) => {
    const queue = await world.open();
    await queue.enqueue(candidates(3));
    const jobs = await queue.claim('first', 3);
    await queue.settle(
      jobs.map((job) => ({
        job,
        outcome: (tx, { payload }) => {
          const isFirst = tx.get('SELECT 1 FROM notes') === undefined;
          tx.run('INSERT INTO notes VALUES (?)', payload.name);
          return isFirst ? ADVANCE : { kind: 'finish', ending: 'duplicate' };
        },
      })),
    );
    assert.deepEqual(
      jobs.map(({ id }) => queue.job(id)?.ending),
      [null, 'duplicate', 'duplicate'],
    );
    assert.equal(queue.read((rows) => rows.all('SELECT * FROM notes')).length, 3);
  },

  'a function that throws is a retry of its own job and undoes its own writes': async (world) => {
    const queue = await world.open();
    await queue.enqueue(candidates(3));
    const jobs = await queue.claim('first', 3);
    const answers = await queue.settle(
      jobs.map((job, i) => ({
        job,
        outcome: (tx) => {
          tx.run('INSERT INTO notes VALUES (?)', job.id);
          tx.count('default', 'first', 'notes', 1, 0);
          if (i === 1) throw new Error('a bug of the second');
          return ADVANCE;
        },
      })),
    );
    assert.deepEqual(
      answers.map((answer) => answer.settled && answer.outcome.kind),
      ['advance', 'retry', 'advance'],
    );
    const { attempts, reason, stage } = queue.job(jobs[1]!.id)!;
    assert.deepEqual([attempts, reason, stage], [1, 'Error: a bug of the second', 'first']);
    assert.equal(queue.read((rows) => rows.all('SELECT * FROM notes')).length, 2);
    assert.equal(queue.counters().find(({ name }) => name === 'notes')?.files, 2);
  },

  'callers that share a commit fail alone': async (world) => {
    const queue = await world.open();
    const note = (text: string) => queue.transact((tx) => tx.run('INSERT INTO notes VALUES (?)', text));
    const failing = queue.transact((tx) => {
      tx.run("INSERT INTO notes VALUES ('half')");
      throw new Error('changed its mind');
    });
    const results = await Promise.allSettled([note('a'), failing, note('a'), note('b')]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(
      queue.read((rows) => rows.all('SELECT text FROM notes ORDER BY text')),
      [{ text: 'a' }, { text: 'b' }],
    );
  },

  'counters are exact, files and bytes': async (world) => {
    const queue = await world.open();
    await queue.enqueue(candidates(10, { bytes: 7 }));
    const jobs = await queue.claim('first', 10);
    await queue.settle(jobs.slice(0, 6).map((job) => ({ job, outcome: ADVANCE })));
    await queue.settle(jobs.slice(6, 9).map((job) => ({ job, outcome: { kind: 'finish', ending: 'kept', bytes: 8 } })));
    await settleAs(queue, jobs[0]!, ADVANCE); // too late: not counted
    const second = await queue.claim('second', 10);
    await queue.settle(second.slice(0, 2).map((job) => ({ job, outcome: HOLD })));
    const counted = queue.counters().map(({ stage, name, files, bytes }) => [stage, name, files, bytes]);
    const expected = [
      ['first', 'advance', 6, 42],
      ['first', 'finish', 3, 24],
      ['first', 'kept', 3, 24],
      ['second', 'hold', 2, 14],
    ];
    assert.deepEqual(counted, expected);
    const depths = queue.stats().map(({ stage, ready, claimed, held, bytes }) => [stage, ready, claimed, held, bytes]);
    assert.deepEqual(
      depths.filter(([, ...numbers]) => numbers.some(Boolean)),
      [
        ['first', 0, 1, 0, 7],
        ['second', 0, 4, 2, 42],
      ],
    );
  },

  'an operator moves held jobs on, and only held ones': async (world) => {
    const queue = await world.open();
    const ready = await claimed(queue, 'ready');
    await settleAs(queue, ready, ADVANCE);
    const ids = [ready.id];
    for (const name of ['again', 'ended', 'recoded', 'onward']) {
      const job = await claimed(queue, name);
      ids.push(job.id);
      await settleAs(queue, job, HOLD);
    }
    const answers = await queue.amendHeld(ids, (_tx, { payload }) => {
      if (payload.name === 'again') return { kind: 'defer', inMs: 50, why: 'retried by hand' };
      if (payload.name === 'ended') return { kind: 'finish', ending: 'discarded' };
      if (payload.name === 'recoded') return { kind: 'hold', code: 'worse', reason: 'looked at' };
      return { kind: 'back', to: 'first', payload: { name: 'onward', discarded: true } };
    });
    assert.deepEqual(answers, [false, true, true, true, true]);
    const shown = ids
      .slice(1)
      .map((id) => queue.job(id)!)
      .map(({ state, stage, holdCode, ending }) => [state, stage, holdCode, ending]);
    assert.deepEqual(shown, [
      ['ready', 'first', null, null],
      ['done', 'first', null, 'discarded'],
      ['held', 'first', 'worse', null],
      ['ready', 'first', null, null],
    ]);
    assert.deepEqual(await queue.enqueue([candidate('ended')]), ['new']);
  },
};
