/**
 * The effect of signals: SIGTERM drains, a second one stops, SIGKILL is noticed at once.
 * A kill during backoff: test/queue/conformance/crash.ts. Parents with misbehaving children: test/service/supervise.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAlive } from '../service/supervise/family.js';
import { glance } from '../world/database.js';
import { stays, until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';
import { busyWorker, claimedBy, claimIs, hugeFileSealed, hugeJob } from './busy.js';

const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };

test('SIGTERM drains: claimed jobs are finished, nothing stays claimed, exit code 0', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await world.followManifests();
  for (let n = 0; n < 2_500; n++) world.drop(`${n}.csv`, 100);
  const ingest = world.start('ingest', ['--workers', 'verify-complete=1,hash=2,manifest=1,move=1']);
  await until('jobs are claimed', () => {
    const { claimed, stored } = glance(world.statePath);
    return claimed > 0 && stored > 0;
  });
  assert.equal((await ingest.stop()).code, 0);
  assert(ingest.events.some(({ event }) => event === 'draining'));
  const { claimed, openAppends, stored } = glance(world.statePath);
  assert.deepEqual({ claimed, openAppends }, { claimed: 0, openAppends: 0 });
  world.check({ settled: false });
  t.diagnostic(`${stored} of 2,500 were stored`);
  await world.runOnce();
  world.check();
  assert(world.jobs().every(({ crashes }) => crashes === 0));
});

test('a run with --once that a signal ends before all files are done says so with exit code 4', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 300 } });
  world.drop('a.csv', 100);
  const run = world.start('ingest', ['--once']);
  await until('the file is known', () => world.database() !== undefined && world.jobs().length === 1);
  const { code, stderr } = await run.stop();
  assert.equal(code, 4, stderr);
  assert.match(stderr, /it was stopped before all files were done; the next run goes on/);
});

test('timeout(1), which sends its signal twice, ends a run with --once as one signal does', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 300 } });
  world.drop('a.csv', 100);
  // Two signals that come before the first is heard are one: it takes several tries to get both.
  for (let round = 1; round <= 5; round++) {
    const run = world.start('ingest', ['--once'], { wrap: ['timeout', '600'] });
    await until('the producer', () => run.events.some(({ worker }) => worker === 'producer'));
    const { code, stderr } = await run.stop();
    assert.equal(code, 4, stderr);
    assert.equal(run.events.filter(({ event }) => event === 'stopping').length, 0, stderr);
  }
});

test('a second signal stops at once, and no claimed job gets a crash counted', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await world.followManifests();
  await hugeFileSealed(world);
  const { program, pid, job } = await busyWorker(world);
  program.kill('SIGTERM');
  await world.event('draining', (e) => e.heardFrom === program.pid);
  await stays('it drains while the file is hashed', () => program.running, 500);
  const beganMs = performance.now();
  program.kill('SIGTERM');
  assert.equal((await program.ended).code, 143);
  assert(performance.now() - beganMs < 5_000, `it took ${performance.now() - beganMs} ms`);
  assert.equal(isAlive(pid), false);
  world.start('ingest-worker', ['--stage', 'move']);
  await until('the job is given back', () => hugeJob(world)?.state === 'ready');
  const { attempts, crashes, claim_no } = hugeJob(world)!;
  assert.deepEqual({ attempts, crashes, claim_no }, { attempts: 0, crashes: 0, claim_no: job.claim_no });
});

test('a killed worker is noticed in under a second, with --stall-seconds 600', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await world.followManifests();
  await hugeFileSealed(world);
  let busy = await busyWorker(world, ['--stall-seconds', '600']);
  const took: { ms: number; lateMs: number }[] = [];
  for (let round = 0; round < 4; round++) {
    const next = world.start('ingest-worker', ['--stage', 'hash', '--stall-seconds', '600']);
    const { owner, worker_pid } = await world.event('worker_started', (e) => e.heardFrom === next.pid);
    const before = busy.job;
    // A regular check must notice the death, not the check at its start.
    await stays('the other one has its job', () => claimIs(world, before), 700);
    const late = lateness();
    const killedAtMs = Date.now();
    busy.program.killAll();
    const seen = await world.event('worker_lost', (e) => e.owner === before.owner);
    took.push({ ms: Date.parse(seen.time as string) - killedAtMs, lateMs: late() });
    assert.deepEqual(seen.in_progress, [before.id]);
    const job = await claimedBy(world, owner as number);
    assert.deepEqual([job.claim_no, job.crashes], [before.claim_no + 1, round + 1]);
    busy = { program: next, pid: worker_pid as number, job };
  }
  const told = `seen after ${took.map(({ ms, lateMs }) => `${ms} ms (${Math.round(lateMs)} of them late)`).join(', ')}`;
  t.diagnostic(told);
  // Every round counts. A moment in which the machine ran no process, not even this one, is not the product's fault.
  for (const { ms, lateMs } of took) assert(ms - lateMs < 1_000, told);
});

/** The total delay of a timer of 10 ms, from now until it is asked. */
function lateness(): () => number {
  let [sum, before] = [0, performance.now()];
  const timer = setInterval(() => {
    const now = performance.now();
    sum += Math.max(0, now - before - 20);
    before = now;
  }, 10);
  return () => {
    clearInterval(timer);
    return sum;
  };
}
