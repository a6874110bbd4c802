/** The dispatcher: a stage's handler driven through better-queue. */
import assert from 'node:assert/strict';
import type { ClaimedJob } from '../../../queue/backend.js';
import { StateUnwritable } from '../../../queue/errors.js';
import { until } from '../../world/waiting.js';
import { ADVANCE, candidate, candidates } from '../world.js';
import { all, driven, ended, STORED } from './driven.js';

driven('three stages take every job to its end, in batches of any size', async ({ queue, drive, errors }) => {
  await queue.enqueue(candidates(500));
  const stages = [
    drive('first', all(ADVANCE), 64),
    drive('second', all(ADVANCE), 1),
    drive('third', all(STORED), 1_000),
  ];
  for (const stage of stages) {
    stage.start();
    stage.start();
  }
  await until('all are stored', () => ended(queue) === 500);
  assert.deepEqual(errors, []);
});

driven('the first batches are small, each twice the one before', async ({ queue, drive }) => {
  await queue.enqueue(candidates(1_000));
  const sizes: number[] = [];
  const stage = drive(
    'first',
    async (jobs) => {
      sizes.push(jobs.length);
      return jobs.map(() => STORED);
    },
    300,
  );
  stage.start();
  await until('all are stored', () => ended(queue) === 1_000);
  assert.deepEqual(sizes, [64, 128, 256, 300, 252]);
});

driven('a job enqueued into idle stages is through three of them at once', async ({ queue, drive }) => {
  const stages = [drive('first', all(ADVANCE)), drive('second', all(ADVANCE)), drive('third', all(STORED))];
  for (const stage of stages) stage.start();
  let shortestMs = Number.POSITIVE_INFINITY;
  // A busy disk may be slow once, or twice.
  for (let n = 1; n <= 5; n++) {
    await Promise.all(stages.map((stage) => stage.idle()));
    const begin = performance.now();
    await queue.enqueue([candidate(`a${n}`)]);
    await until('it is stored', () => ended(queue) === n, { everyMs: 1 });
    shortestMs = Math.min(shortestMs, performance.now() - begin);
  }
  // data_version is checked once a second: a dispatcher that needed that would be far slower than this.
  assert(shortestMs < 500, `${shortestMs} ms`);
});

driven('a deferred job is looked at when it is due, without polling', async ({ queue, drive }) => {
  let deferred: number | undefined;
  const stage = drive('first', async (jobs) => {
    if (deferred !== undefined) return jobs.map(() => STORED);
    deferred = performance.now();
    return jobs.map(() => ({ kind: 'defer', inMs: 120, why: 'not yet' }));
  });
  stage.start();
  let claims = 0;
  const { claim } = queue;
  queue.claim = (...args) => {
    claims++;
    return claim.apply(queue, args);
  };
  await queue.enqueue([candidate('a')]);
  await until('it is stored', () => ended(queue) === 1, { everyMs: 1 });
  assert(performance.now() - deferred! >= 119);
  assert(claims < 12, `${claims} claims for two takes`);
});

driven('closed gates are not polled, and their opening is heard', async ({ queue, drive }) => {
  const gate = { feed: '*', stage: 'first', cause: 'pause', place: '', code: 'paused', reason: 'by hand' } as const;
  await queue.transact((tx) => tx.closeGate(gate));
  const stage = drive('first', all(STORED));
  stage.start();
  await queue.enqueue(candidates(5));
  await stage.idle();
  assert.equal(ended(queue), 0);
  await queue.transact((tx) => tx.openGate(gate));
  await until('all are stored', () => ended(queue) === 5);
});

driven(
  "with better-queue's processing function replaced by one that fails, no job advances",
  async ({ queue, drive, errors }) => {
    await queue.enqueue(candidates(20));
    const stage = drive('first', all(STORED));
    let asked = 0;
    const core = stage.queue as unknown as { process(tasks: unknown, done: (error: Error) => void): void };
    core.process = (_tasks, done) => {
      asked++;
      done(new Error('replaced'));
    };
    stage.start();
    await until('its failure is reported', () => errors.length > 0);
    await stage.idle();
    assert.equal(asked, 1, 'a failing batch is not repeated at once');
    const [depth] = queue.stats();
    assert.deepEqual([depth?.stage, depth?.ready, depth?.claimed], ['first', 20, 0]);
  },
);

driven('a handler that throws costs its jobs an attempt and is reported', async ({ queue, drive, errors }) => {
  await queue.enqueue(candidates(2));
  const stage = drive('first', async () => {
    throw new Error('a bug of the stage');
  });
  stage.start();
  await until('both were retried', () => queue.counters().find(({ name }) => name === 'retry')?.files === 2);
  assert.match(String(errors[0]), /a bug of the stage/);
  const [job] = queue.jobsByKey('default', Buffer.from('job-0'));
  assert.deepEqual([job?.attempts, job?.reason], [1, 'Error: a bug of the stage']);
});

driven('a handler settles in pieces; what it leaves is given back at once', async ({ queue, drive }) => {
  await queue.enqueue(candidates(4));
  const batches: number[] = [];
  const stage = drive('first', async (jobs, settle) => {
    batches.push(jobs.length);
    const [one, two] = jobs as [ClaimedJob, ClaimedJob | undefined];
    assert.deepEqual(
      (await settle([{ job: one, outcome: STORED }])).map(({ settled }) => settled),
      [true],
    );
    return [undefined, two && STORED];
  });
  stage.start();
  await until('all are stored', () => ended(queue) === 4);
  assert.deepEqual(batches, [4, 2]);
});

driven('drain finishes the jobs in progress and claims no more', async ({ queue, drive }) => {
  await queue.enqueue(candidates(10));
  let letGo = () => {};
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const stage = drive(
    'first',
    async (jobs) => {
      await gone;
      return jobs.map(() => STORED);
    },
    3,
  );
  stage.start();
  await until('a batch is in progress', () => stage.batch.length === 3);
  const drained = stage.drain();
  letGo();
  await drained;
  assert.equal(ended(queue), 3);
  assert.deepEqual([queue.stats()[0]?.ready, queue.stats()[0]?.claimed], [7, 0]);
  await queue.enqueue([candidate('more')]);
  await stage.idle();
  await stage.stop();
  await stage.stop();
  assert.equal(ended(queue), 3);
});

driven('a drain while a claim is under way gives it back', async ({ queue, drive }) => {
  await queue.enqueue(candidates(5));
  let ran = false;
  const stage = drive('first', async () => {
    ran = true;
    return [];
  });
  const { claim } = queue;
  queue.claim = async (...args) => {
    const jobs = await claim.apply(queue, args);
    void stage.drain();
    return jobs;
  };
  stage.start();
  await stage.idle();
  queue.claim = claim;
  assert.equal(ran, false);
  assert.deepEqual([queue.stats()[0]?.ready, queue.stats()[0]?.claimed], [5, 0]);
});

driven(
  'while the state cannot be written the decisions wait and are settled later',
  async ({ queue, drive, errors }) => {
    await queue.enqueue(candidates(3));
    const { settle } = queue;
    let failures = 2;
    // The kernel's part of this, a really full disk, is in sqlite/unwritable.test.ts.
    queue.settle = (settlements) =>
      failures-- > 0 ? Promise.reject(new StateUnwritable('state_full', 'full')) : settle.call(queue, settlements);
    let ran = 0;
    const stage = drive('first', async (jobs) => {
      ran++;
      return jobs.map(() => STORED);
    });
    stage.start();
    await until('all are stored', () => ended(queue) === 3);
    assert.deepEqual([ran, errors.length], [1, 2]);
  },
);

driven(
  'claims that could not be given back are given back later, where nothing else is due',
  async ({ queue, drive }) => {
    await queue.enqueue(candidates(1));
    const { settle } = queue;
    const full = () => new StateUnwritable('state_full', 'full');
    let failures = 2;
    queue.settle = (settlements) => (failures-- > 0 ? Promise.reject(full()) : settle.call(queue, settlements));
    let ran = 0;
    const stage = drive('first', async (jobs) => {
      if (ran++ === 0) throw full();
      return jobs.map(() => STORED);
    });
    stage.start();
    await until('it is stored', () => ended(queue) === 1);
  },
);

driven('work that comes while a take is under way is not missed', async ({ queue, drive }) => {
  const stage = drive('first', all(STORED));
  const { claim } = queue;
  queue.claim = async (...args) => {
    queue.claim = claim;
    const jobs = await claim.apply(queue, args);
    await queue.enqueue([candidate('just now')]);
    return jobs;
  };
  stage.start();
  await until('it is stored', () => ended(queue) === 1);
});
