/**
 * Jobs of dead owners, and jobs of living ones, with real processes that are really killed.
 */
import assert from 'node:assert/strict';
import type { ClaimedJob } from '../../../queue/backend.js';
import { limits } from '../../../queue/limits.js';
import { until } from '../../world/waiting.js';
import { isStopped } from '../processes.js';
import { ADVANCE, candidates, claimed, type Scenarios, settleAs } from '../world.js';

export const crashScenarios: Scenarios = {
  'the jobs of a killed process are due again at once, a living one keeps its own': async (world) => {
    const queue = await world.open();
    const [dies, lives] = [await world.child(), await world.child()];
    await queue.enqueue(candidates(20, { feed: 'a' }));
    const lost = await dies.ask<{ id: string }[]>('claim', 'first', 5);
    await lives.ask('claim', 'first', 5);
    const owner = await dies.ask<number>('owner');
    assert.deepEqual(await queue.rescue(), []);
    await dies.kill();
    assert.deepEqual(await queue.rescue(), [{ owner, jobs: 5, inProgress: [], poisoned: [] }]);
    for (const { id } of lost) assert.deepEqual([queue.job(id)?.state, queue.job(id)?.crashes], ['ready', 0]);
    assert.equal(queue.stats()[0]?.claimed, 5);
    assert.deepEqual(await queue.rescue(), []);
    assert.equal(queue.isAlive(owner), false);
  },

  'a settlement that comes too late changes nothing and says so': async (world) => {
    const [queue, other] = [await world.open(), await world.open()];
    const job = await claimed(queue, 'a');
    assert.equal(await settleAs(other, { ...job, owner: other.owner }, ADVANCE), false, 'not its owner');
    await settleAs(queue, job, { kind: 'defer', inMs: 0, why: 'once more' });
    const [again] = await queue.claim('first', 1);
    const before = queue.job(job.id);
    let called = 0;
    assert.deepEqual(await queue.transact((tx) => [tx.isOurs(job), tx.isOurs(again!)]), [false, true]);
    const late = await queue.settle([
      { job, outcome: ADVANCE },
      {
        job,
        outcome: (tx) => {
          called++;
          tx.run("INSERT INTO notes VALUES ('late')");
          return ADVANCE;
        },
      },
    ]);
    assert.deepEqual(late, [{ settled: false }, { settled: false }]);
    assert.equal(called, 0);
    assert.deepEqual(queue.job(job.id), before);
    assert.equal(await settleAs(queue, again!, ADVANCE), true);
  },

  'a settlement after the rescue of its claim changes nothing': async (world) => {
    const queue = await world.open();
    const child = await world.child();
    await queue.enqueue(candidates(1));
    const [job] = await child.ask<{ id: string; claimNo: number }[]>('claim', 'first', 1);
    const held = queue.job(job!.id) as ClaimedJob;
    assert.equal(held.owner, await child.ask('owner'));
    await child.kill();
    await queue.rescue();
    assert.equal(await settleAs(queue, held, ADVANCE), false);
    assert.equal(queue.job(job!.id)?.stage, 'first');
  },

  'killed in back-off: attempts and due time are what they were': async (world) => {
    const queue = await world.open();
    const child = await world.child();
    await queue.enqueue(candidates(3));
    await child.ask('claim', 'first', 3);
    const before = await child.ask<{ id: string; attempts: number; dueMs: number }[]>('retry');
    assert.equal(before[0]?.attempts, 1);
    await child.kill();
    await queue.rescue();
    assert.deepEqual(
      before.map(({ id }) => queue.job(id)),
      before,
    );
  },

  'only the job in progress counts a crash; after five it is held as poison': async (world) => {
    const queue = await world.open();
    await queue.enqueue(candidates(3));
    for (let crash = 1; crash <= limits.crashesMax; crash++) {
      const child = await world.child();
      const jobs = await child.ask<{ id: string }[]>('claim', 'first', 3);
      const poison = queue.jobsByKey('default', Buffer.from('job-1'))[0]!.id;
      await child.ask('inProgress', poison);
      assert.equal(queue.owners().find(({ job }) => job === poison)?.alive, true);
      await child.kill();
      const [rescue] = await queue.rescue();
      assert.deepEqual(
        [rescue?.inProgress, rescue?.jobs, rescue?.poisoned],
        [[poison], jobs.length, crash === limits.crashesMax ? [poison] : []],
      );
      assert.equal(queue.job(poison)?.crashes, crash);
    }
    const shown = ['job-0', 'job-1', 'job-2'].map((name) => queue.jobsByKey('default', Buffer.from(name))[0]!);
    assert.deepEqual(
      shown.map(({ state, crashes, holdCode }) => [state, crashes, holdCode]),
      [
        ['ready', 0, null],
        ['held', 5, 'poison'],
        ['ready', 0, null],
      ],
    );
  },

  'an owner that closes gives back what it did not settle, and nobody is blamed': async (world) => {
    const [queue, closes] = [await world.open(), await world.open()];
    const job = await claimed(closes, 'a');
    closes.beat({ job: job.id, place: '' });
    await closes.close();
    assert.deepEqual([queue.job(job.id)?.state, queue.job(job.id)?.crashes], ['ready', 0]);
    assert.deepEqual(await queue.rescue(), []);
    assert.equal(queue.owners().length, 1);
  },

  'a process stopped inside a transaction stops nobody forever: its death frees the lock': async (world) => {
    const queue = await world.open();
    const child = await world.child();
    const stopped = child.ask('stopInside');
    stopped.catch(() => {});
    await until('it is stopped', () => isStopped(child.process.pid!));
    let written = false;
    const writing = queue.enqueue(candidates(1)).then(() => {
      written = true;
    });
    queue.beat({ job: null, place: '' }); // does not need the database
    assert.deepEqual(await queue.claim('first', 1), [], 'an idle stage does not wait for the writer');
    assert.equal(queue.isAlive(queue.owner), true);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(written, false);
    await child.kill();
    await writing;
    assert.equal(queue.stats()[0]?.ready, 1);
  },

  'five writers all get their turn': async (world) => {
    const queue = await world.open();
    const children = await Promise.all([1, 2, 3, 4, 5].map(() => world.child()));
    const commits = children.map(() => 0);
    const all = () => commits.reduce((sum, n) => sum + n, 0);
    // A feed that is left out stays left out. A feed that only lacked CPU time catches up in another second.
    for (let round = 0; round === 0 || (round < 5 && Math.min(...commits) * 5 <= all() / 8); round++)
      await Promise.all(
        children.map(async (child, i) => {
          commits[i]! += (await child.ask<{ commits: number }>('write', 1_500, `w${round}-${i}`)).commits;
        }),
      );
    assert(Math.min(...commits) * 5 > all() / 8, `five did ${commits.join(', ')} commits`);
    const counted = queue.counters().reduce((sum, { files }) => sum + files, 0);
    assert.equal(counted, all(), 'and no commit was lost');
  },

  "another process's commit is heard": async (world) => {
    const queue = await world.open();
    const child = await world.child();
    const heard = new Promise<void>((resolve) =>
      queue.onWork(() => queue.nextDueMs('first') < Number.POSITIVE_INFINITY && resolve()),
    );
    await child.ask('enqueue', 1, 'default');
    await heard;
  },
};
