/** The dispatcher: a stage's handler driven through better-queue. */
import assert from 'node:assert/strict';
import type { Backend, ClaimedJob, Outcome } from '../../../queue/backend.js';
import type { Run } from '../../../queue/dispatch/batch.js';
import { createDispatcher, type Dispatcher } from '../../../queue/dispatch/dispatcher.js';
import { StateUnwritable } from '../../../queue/errors.js';
import { until } from '../../world/waiting.js';
import { sqlite } from '../sqlite/kind.js';
import { ADVANCE, candidate, candidates, type QueueWorld, scenario } from '../world.js';

const STORED: Outcome = { kind: 'finish', ending: 'stored' };

interface Driven {
  queue: Backend;
  errors: unknown[];
  /** Every dispatcher that this test made is stopped at its end. */
  drive(stage: string, run: Run, batchMax?: number, peers?: Dispatcher[]): Dispatcher;
}

function driven(title: string, run: (driven: Driven, world: QueueWorld) => Promise<void>): void {
  scenario(sqlite, title, async (world) => {
    const queue = await world.open();
    const errors: unknown[] = [];
    const made: Dispatcher[] = [];
    const drive = (stage: string, handler: Run, batchMax = 100, peers: Dispatcher[] = []) => {
      const dispatcher = createDispatcher({
        backend: queue,
        stage,
        batchMax,
        peers,
        run: handler,
        onError: (error) => errors.push(error),
      });
      made.push(dispatcher);
      return dispatcher;
    };
    try {
      await run({ queue, errors, drive }, world);
    } finally {
      await Promise.all(made.map((dispatcher) => dispatcher.stop()));
    }
  });
}

const all =
  (outcome: Outcome): Run =>
  async (jobs) =>
    jobs.map(() => outcome);
const ended = (queue: Backend) => queue.counters().find(({ name }) => name === 'stored')?.files ?? 0;

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

driven('a job enqueued into idle stages is through three of them at once', async ({ queue, drive }) => {
  const stages = [drive('first', all(ADVANCE)), drive('second', all(ADVANCE)), drive('third', all(STORED))];
  for (const stage of stages) stage.start();
  await Promise.all(stages.map((stage) => stage.idle()));
  await queue.enqueue([candidate('a')]);
  const begin = performance.now();
  await until('it is stored', () => ended(queue) === 1, { everyMs: 1 });
  // The net below the doorbell looks once a second: whoever needed it would be far beyond this.
  assert(performance.now() - begin < 500);
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
  assert(claims < 12, `${claims} claims for two looks`);
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
    await until('its failure is told', () => errors.length > 0);
    await stage.idle();
    assert.equal(asked, 1, 'a failing batch is not repeated at once');
    const [depth] = queue.stats();
    assert.deepEqual([depth?.stage, depth?.ready, depth?.claimed], ['first', 20, 0]);
  },
);

driven('a handler that throws costs its jobs an attempt and is told', async ({ queue, drive, errors }) => {
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

driven('drain finishes what is in hand and claims nothing more', async ({ queue, drive }) => {
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
  await until('a batch is in hand', () => stage.batch.length === 3);
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

/** Counts what is claimed from the backend for a stage. */
function countingClaims(queue: Backend): Map<string, number> {
  const counts = new Map<string, number>();
  const { claim } = queue;
  queue.claim = async (stage, max) => {
    const jobs = await claim.call(queue, stage, max);
    counts.set(stage, (counts.get(stage) ?? 0) + jobs.length);
    return jobs;
  };
  return counts;
}

driven('stages of one process hand their jobs over without another claim', async ({ queue, drive, errors }) => {
  const peers: Dispatcher[] = [];
  const claims = countingClaims(queue);
  await queue.enqueue(candidates(1_000));
  peers.push(
    drive('first', all(ADVANCE), 50, peers),
    drive('second', all(ADVANCE), 50, peers),
    drive('third', all(STORED), 50, peers),
  );
  for (const peer of peers) peer.start();
  await until('all are stored', () => ended(queue) === 1_000);
  assert.deepEqual(errors, []);
  assert.equal(claims.get('first'), 1_000);
  assert((claims.get('second') ?? 0) < 500, `${claims.get('second')} were claimed`);
});

driven('jobs that were ready are not starved by those that are handed over', async ({ queue, drive }) => {
  await queue.enqueue(candidates(10, { feed: 'early' }));
  await queue.settle((await queue.claim('first', 10)).map((job) => ({ job, outcome: ADVANCE })));
  await queue.enqueue(candidates(3_000, { feed: 'flood' }));
  const peers: Dispatcher[] = [];
  let before = 0;
  let early = 0;
  const second: Run = async (jobs) => {
    early += jobs.filter(({ feed }) => feed === 'early').length;
    if (early < 10) before += jobs.length;
    return jobs.map(() => STORED);
  };
  peers.push(drive('first', all(ADVANCE), 10, peers), drive('second', second, 10, peers));
  peers[0]!.start();
  peers[1]!.start();
  await until('the early ones are through', () => early === 10);
  assert(before < 1_000, `${before} were served before them`);
});

driven('a stage that drains gives back what was handed over to it', async ({ queue, drive }) => {
  await queue.enqueue(candidates(30));
  const peers: Dispatcher[] = [];
  let letGo = () => {};
  const gone = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const slow: Run = async (jobs) => {
    await gone;
    return jobs.map(() => STORED);
  };
  peers.push(drive('first', all(ADVANCE), 10, peers), drive('second', slow, 10, peers));
  for (const peer of peers) peer.start();
  await until('the first stage is through', () => queue.counters()[0]?.files === 30);
  const drained = Promise.all(peers.map((peer) => peer.drain()));
  letGo();
  await drained;
  assert.equal(
    queue.stats().reduce((sum, { claimed }) => sum + claimed, 0),
    0,
  );
  assert.equal(queue.stats().reduce((sum, { ready }) => sum + ready, 0) + ended(queue), 30);
});
