/**
 * What signals do: drain, stop, and who is robbed or killed and who is not.
 * Killed in back-off, and the queue alone: test/queue/conformance/crash.ts; parents with strange children: test/supervise.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STAGE_NAMES } from '../../src/config/stage-names.js';
import { isStopped } from '../queue/processes.js';
import { isAlive } from '../supervise/family.js';
import { glance, isWriteLocked } from '../world/database.js';
import { contents } from '../world/dropping.js';
import { signal } from '../world/program.js';
import { skipUnlessRoot } from '../world/users.js';
import { stays, until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { busyWorker, claimedBy, hugeFileSealed, hugeJob } from './busy.js';

const limit = { timeout: 180_000 };
const slow = { withinMs: 60_000 };
const AT_ONCE = { stabilitySeconds: 0, settleMs: 0 };

test('SIGTERM drains: what is in hand is finished, nothing stays claimed, exit code 0', limit, async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  for (let n = 0; n < 2_500; n++) world.drop(`${n}.csv`, 100);
  const ingest = world.start('ingest', ['--workers', 'verify-complete=1,hash=2,manifest=1,move=1']);
  await until(
    'jobs are in hand',
    () => {
      const { claimed, stored } = glance(world.statePath);
      return claimed > 0 && stored > 0;
    },
    slow,
  );
  assert.equal((await ingest.stop(60_000)).code, 0);
  assert(ingest.events.some(({ event }) => event === 'draining'));
  const { claimed, openAppends, stored } = glance(world.statePath);
  assert.deepEqual({ claimed, openAppends }, { claimed: 0, openAppends: 0 });
  world.check({ settled: false });
  t.diagnostic(`${stored} of 2,500 were stored`);
  await world.runOnce();
  world.check();
  assert(world.jobs().every(({ crashes }) => crashes === 0));
});

test('a second signal stops at once, and what was in hand counts no crash', limit, async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await hugeFileSealed(world);
  const { program, pid, job } = await busyWorker(world);
  program.kill('SIGTERM');
  await world.event('draining', (e) => e.heardFrom === program.pid, slow);
  await stays('it drains while the file is hashed', () => program.running, 500);
  const beganMs = performance.now();
  program.kill('SIGTERM');
  assert.equal((await program.ended).code, 143);
  assert(performance.now() - beganMs < 5_000, `it took ${performance.now() - beganMs} ms`);
  assert.equal(isAlive(pid), false);
  world.start('ingest-worker', ['--stage', 'move']);
  await until('the job is given back', () => hugeJob(world)?.state === 'ready', slow);
  const { attempts, crashes, claim_no } = hugeJob(world)!;
  assert.deepEqual({ attempts, crashes, claim_no }, { attempts: 0, crashes: 0, claim_no: job.claim_no });
});

test('a worker that is killed is seen in under a second, with --stall-seconds 600', limit, async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await hugeFileSealed(world);
  let busy = await busyWorker(world, ['--stall-seconds', '600']);
  const tookMs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const next = world.start('ingest-worker', ['--stage', 'hash', '--stall-seconds', '600']);
    const { owner, worker_pid } = await world.event('worker_started', (e) => e.heardFrom === next.pid, slow);
    const before = busy.job;
    // Seen by its next look, and not by the one that it begins with.
    await stays('the other one has its job', () => claimIs(world, before), 700);
    const killedAtMs = Date.now();
    busy.program.killAll();
    const seen = await world.event('worker_lost', (e) => e.owner === before.owner, slow);
    tookMs.push(Date.parse(seen.time as string) - killedAtMs);
    assert.equal(seen.in_hand, before.id);
    const job = await claimedBy(world, owner as number);
    assert.deepEqual([job.claim_no, job.crashes], [before.claim_no + 1, round + 1]);
    busy = { program: next, pid: worker_pid as number, job };
  }
  t.diagnostic(`seen after ${tookMs} ms`);
  // One of three may fall into a moment in which this machine does something else.
  assert(tookMs.sort((a, b) => a - b)[1]! < 1_000, `seen after ${tookMs} ms`);
});

test(
  'a busy worker is not robbed; stopped with its parent it is reported and its jobs wait; a killed parent takes it along',
  limit,
  async (t) => {
    const world = createWorld(t, { options: AT_ONCE });
    await hugeFileSealed(world);
    const stall = ['--stall-seconds', '2'];
    const { program, pid, job } = await busyWorker(world, stall);
    const other = world.start('ingest-worker', stall);
    const { owner } = await world.event('worker_started', (e) => e.heardFrom === other.pid, slow);
    await stays('the job of the busy one is its own', () => claimIs(world, job), 5_000);
    assert.deepEqual(troubles(world), []);

    for (const one of [program.pid, pid]) signal(one, 'SIGSTOP');
    const silent = await world.event('worker_silent', (e) => e.owner === job.owner, slow);
    assert.deepEqual([silent.worker_pid, silent.job], [pid, job.id]);
    const small = Array.from({ length: 20 }, (_, n) => world.drop(`small-${n}.csv`, 10));
    await world.stored(small.length, slow);
    assert(claimIs(world, job), 'its job waits');
    assert(isStopped(pid) && isStopped(program.pid), 'nobody kills it');
    assert.deepEqual(troubles(world), []);

    program.kill('SIGKILL');
    await until('the stopped child has died with its parent', () => !isAlive(pid), slow);
    await world.event('worker_lost', (e) => e.owner === job.owner, slow);
    await claimedBy(world, owner as number);
  },
);

test('a worker in another pid namespace is neither robbed nor killed', limit, async (t) => {
  if (skipUnlessRoot(t, 'a worker in another pid namespace')) return;
  const world = createWorld(t, { options: AT_ONCE });
  await hugeFileSealed(world);
  const stall = ['--stall-seconds', '2'];
  const wrap = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const { program, pid, job } = await busyWorker(world, stall, { wrap });
  // Its own pids are small numbers there; out here they are other processes', or nobody's.
  const [parent, child] = program.descendants() as [number, number];
  assert.notEqual(pid, child);
  const other = world.start('ingest-worker', stall);
  const { owner } = await world.event('worker_started', (e) => e.heardFrom === other.pid, slow);
  await stays('the job is its own', () => claimIs(world, job), 2_000);

  for (const one of [parent, child]) signal(one, 'SIGSTOP');
  await world.event('worker_silent', (e) => e.owner === job.owner && e.heardFrom === other.pid, slow);
  assert(claimIs(world, job) && isStopped(child) && isStopped(parent));
  for (const one of [parent, child]) signal(one, 'SIGCONT');
  await world.event('worker_back', (e) => e.owner === job.owner && e.heardFrom === other.pid, slow);
  assert(claimIs(world, job), 'it goes on with its job');
  assert.deepEqual(troubles(world), []);

  program.killAll();
  await world.event('worker_lost', (e) => e.owner === job.owner, slow);
  await claimedBy(world, owner as number);
});

test(
  'one of five that is stopped inside a transaction is killed by its parent and replaced, the other four are not',
  limit,
  async (t) => {
    const seed = process.env.SEED ?? String(Date.now());
    t.diagnostic(`SEED=${seed}`);
    const draw = contents(seed);
    const world = createWorld(t, { options: AT_ONCE });
    const ingest = world.start('ingest', ['--concurrency', '5', '--stall-seconds', '5']);
    await until('all are ready', () => world.log.named('worker_started').length === 6, slow);
    const workers = world.log
      .named('worker_started')
      .filter(({ worker }) => worker === `worker ${STAGE_NAMES.join(' ')}`)
      .map(({ worker_pid }) => worker_pid as number);
    assert.equal(workers.length, 5);

    let [n, tries, stopped] = [0, 0, 0];
    while (stopped === 0) {
      for (const end = n + 60; n < end; n++) world.drop(`${n}.csv`, 50);
      tries++;
      const pid = workers[draw(4).readUInt32LE() % 5]!;
      // Somebody is inside: one time in five or so it is this one.
      await until('somebody writes', () => isWriteLocked(world.statePath), { withinMs: 500, everyMs: 1 }).catch(
        () => {},
      );
      signal(pid, 'SIGSTOP');
      await until('it is stopped', () => isStopped(pid), slow);
      if (await locksForASecond(world)) stopped = pid;
      else signal(pid, 'SIGCONT');
      assert(tries < 400, 'none was met inside a transaction');
    }
    t.diagnostic(`stopped inside a transaction at the ${tries}th try`);
    const killed = await world.event('worker_stalled', undefined, slow);
    assert.equal(killed.worker_pid, stopped);
    await until('it was replaced', () => world.log.named('worker_started').length === 7, slow);
    assert.equal(isAlive(stopped), false);
    await world.stored(undefined, slow);
    assert.deepEqual(workers.filter(isAlive).length, 4);
    assert.equal(world.log.named('worker_stalled').length, 1);
    assert.equal(world.log.named('worker_started').length, 7);
    assert.equal((await ingest.stop(60_000)).code, 0);
    await world.runOnce();
    world.check();
  },
);

/** Whether nobody else gets the write lock for a whole second: others' transactions are over sooner. */
async function locksForASecond(world: World): Promise<boolean> {
  return stays('the write lock is taken', () => isWriteLocked(world.statePath), 1_000).then(
    () => true,
    () => false,
  );
}

/** The claim is the one it was. */
function claimIs(world: World, { owner, claim_no }: { owner: number | null; claim_no: number }): boolean {
  const job = hugeJob(world);
  return job?.state === 'claimed' && job.owner === owner && job.claim_no === claim_no;
}

/** What must not be told of anybody who lives. */
const troubles = (world: World): unknown[] =>
  world.log.all.filter(({ event }) => ['worker_lost', 'worker_stalled', 'claim_lost'].includes(event));
