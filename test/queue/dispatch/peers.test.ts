/**
 * Stages of one process hand jobs over to each other.
 */
import assert from 'node:assert/strict';
import type { Backend } from '../../../queue/backend.js';
import type { Run } from '../../../queue/dispatch/batch.js';
import type { Dispatcher } from '../../../queue/dispatch/dispatcher.js';
import { limits } from '../../../queue/limits.js';
import { until } from '../../world/waiting.js';
import { ADVANCE, candidate, candidates } from '../world.js';
import { all, driven, ended, STORED } from './driven.js';

/** Counts the jobs claimed from the backend for a stage. */
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

driven('jobs that were ready are not starved by those that are handed over', async ({ queue, drive }, world) => {
  const other = await world.open();
  await other.enqueue(candidates(10, { feed: 'early' }));
  const early = await other.claim('first', 10);
  await queue.enqueue(candidates(5_000, { feed: 'flood' }));
  const peers: Dispatcher[] = [];
  let batches = 0;
  let batchesBefore = 0;
  let through = 0;
  const second: Run = async (jobs) => {
    // In the middle of the flood, the early jobs become ready in the database.
    if (++batches === 5) await other.settle(early.map((job) => ({ job, outcome: ADVANCE })));
    through += jobs.filter(({ feed }) => feed === 'early').length;
    if (through < 10 && batches > 5) batchesBefore++;
    return jobs.map(() => STORED);
  };
  peers.push(drive('first', all(ADVANCE), 100, peers), drive('second', second, 10, peers));
  for (const peer of peers) peer.start();
  await until('the early ones are through', () => through === 10);
  assert(batchesBefore < 20, `${batchesBefore} batches were served before them`);
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

driven(
  'of the dispatchers of a stage one asks at a commit, and all have batches when there is work',
  async ({ queue, drive }) => {
    const peers: Dispatcher[] = [];
    let atOnce = 0;
    let most = 0;
    const run: Run = async (jobs) => {
      most = Math.max(most, ++atOnce);
      await until('three at once, the first time', () => most === 3);
      atOnce--;
      return jobs.map(() => STORED);
    };
    for (let n = 0; n < 8; n++) peers.push(drive('first', run, 1, peers));
    for (const peer of peers) peer.start();
    await queue.enqueue(candidates(3));
    await until('all are stored', () => ended(queue) === 3);
    await Promise.all(peers.map((peer) => peer.idle()));
    let asked = 0;
    const { claim } = queue;
    queue.claim = (...args) => {
      asked++;
      return claim.apply(queue, args);
    };
    await queue.enqueue([candidate('later')]);
    await until('the later one is stored', () => ended(queue) === 4);
    await Promise.all(peers.map((peer) => peer.idle()));
    // The dispatcher that took the job, the next one, and the one that is first again afterwards.
    assert(asked <= 4, `${asked} looks for one job`);
  },
);

driven('a slow stage waits for the others of its process, and not for ever', async ({ queue, drive }, world) => {
  const other = await world.open();
  await other.enqueue(candidates(3));
  await other.settle((await other.claim('first', 3)).map((job) => ({ job, outcome: ADVANCE })));
  await queue.enqueue(candidates(1, { feed: 'busy' }));
  const gone = Promise.withResolvers<void>();
  const isBusy = Promise.withResolvers<void>();
  const tookMs: number[] = [];
  const busy: Run = async (jobs) => {
    isBusy.resolve();
    await gone.promise;
    return jobs.map(() => STORED);
  };
  const slow: Run = async (jobs) => {
    tookMs.push(queue.nowMs());
    return jobs.map(() => STORED);
  };
  const peers: Dispatcher[] = [];
  const first = drive('first', busy, 10, peers);
  peers.push(first);
  first.start();
  await isBusy.promise;
  const beganMs = queue.nowMs();
  const second = drive('second', slow, 1, peers, true);
  peers.push(second);
  second.start();
  try {
    await until('it took two jobs, one by one', () => tookMs.length >= 2);
    assert(tookMs[0]! - beganMs >= limits.slowTurnMs, 'the other stage had work');
    assert(tookMs[1]! - tookMs[0]! >= limits.slowTurnMs, 'it still had');
  } finally {
    gone.resolve();
  }
  await until('all are through', () => queue.stats().every(({ ready, claimed }) => ready + claimed === 0));
  assert.equal(tookMs.length, 3);
});
