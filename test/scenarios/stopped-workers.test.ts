/**
 * Workers that are busy, stopped, or in another pid namespace: which of them lose their jobs, and who kills which of them.
 * The queue alone: test/queue/conformance/crash.ts.
 */
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { STAGE_NAMES } from '../../src/base/config/values/stage-names.js';
import { isStopped } from '../queue/processes.js';
import { isAlive } from '../service/supervise/family.js';
import { isWriteLocked } from '../world/database.js';
import { contents } from '../world/dropping.js';
import { signal } from '../world/program.js';
import { skipUnlessRoot } from '../world/users.js';
import { stays, until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { busyWorker, claimedBy, claimIs, hugeFileSealed } from './busy.js';

const ALL_STAGES = `worker ${STAGE_NAMES.join(' ')}`;
const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };

test('a busy worker keeps its job; stopped with its parent, it is reported and its jobs wait; it dies with its parent', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await world.followManifests();
  await hugeFileSealed(world);
  const stall = ['--stall-seconds', '10'];
  const { program, pid, job } = await busyWorker(world, stall);
  const other = world.start('ingest-worker', stall);
  const { owner } = await world.event('worker_started', (e) => e.heardFrom === other.pid);
  await stays('the busy worker keeps its job', () => claimIs(world, job), 13_000);
  assert.deepEqual(troubles(world), []);

  for (const one of [program.pid, pid]) signal(one, 'SIGSTOP');
  const silent = await world.event('worker_silent', (e) => e.owner === job.owner);
  assert.deepEqual([silent.worker_pid, silent.job], [pid, job.id]);
  const small = Array.from({ length: 20 }, (_, n) => world.drop(`small-${n}.csv`, 10));
  await world.stored(small.length);
  assert(claimIs(world, job), 'its job waits');
  assert(isStopped(pid) && isStopped(program.pid), 'nobody kills it');
  assert.deepEqual(troubles(world), []);

  program.kill('SIGKILL');
  await until('the stopped child has died with its parent', () => !isAlive(pid));
  await world.event('worker_lost', (e) => e.owner === job.owner);
  await claimedBy(world, owner as number);
});

test('a worker in another pid namespace keeps its job and is not killed', async (t) => {
  if (skipUnlessRoot(t, 'a worker in another pid namespace')) return;
  const world = createWorld(t, { options: AT_ONCE });
  await world.followManifests();
  await hugeFileSealed(world);
  const stall = ['--stall-seconds', '10'];
  const wrap = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const { program, pid, job } = await busyWorker(world, stall, { wrap });
  // Its own pids are small numbers there; outside they belong to other processes, or to none.
  const [parent, child] = program.descendants() as [number, number];
  assert.notEqual(pid, child);
  const other = world.start('ingest-worker', stall);
  const { owner } = await world.event('worker_started', (e) => e.heardFrom === other.pid);
  await stays('the job is its own', () => claimIs(world, job), 13_000);

  for (const one of [parent, child]) signal(one, 'SIGSTOP');
  await world.event('worker_silent', (e) => e.owner === job.owner && e.heardFrom === other.pid);
  assert(claimIs(world, job) && isStopped(child) && isStopped(parent));
  await until('a single check finds it', async () => (await world.run('queue-stat', ['--check'])).code === 2);
  assert.match((await world.run('queue-stat', ['--check'])).stdout, /^INGEST CRITICAL - .*no sign of life/);
  const { stdout } = await world.run('ingest-ctl', ['explain', job.id]);
  assert.match(stdout, /has it for hash, and gives no sign of life: it waits for that process/);
  for (const one of [parent, child]) signal(one, 'SIGCONT');
  await world.event('worker_back', (e) => e.owner === job.owner && e.heardFrom === other.pid);
  assert(claimIs(world, job), 'it goes on with its job');
  assert.deepEqual(troubles(world), []);

  program.killAll();
  await world.event('worker_lost', (e) => e.owner === job.owner);
  await claimedBy(world, owner as number);
});

test('one of five that is stopped inside a transaction is killed by its parent and replaced, the other four are not', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await world.followManifests();
  const ingest = world.start('ingest', ['--workers', 'all=5', '--stall-seconds', '10']);
  await until('all are ready', () => world.log.named('worker_started').length === 6);
  const workers = world.log
    .named('worker_started')
    .filter(({ worker }) => worker === ALL_STAGES)
    .map(({ worker_pid }) => worker_pid as number);
  assert.equal(workers.length, 5);

  const stopped = await stopInside(t, world, workers);
  const killed = await world.event('worker_stalled');
  assert.equal(killed.worker_pid, stopped);
  await until('it was replaced', () => world.log.named('worker_started').length === 7);
  assert.equal(isAlive(stopped), false);
  await world.allDroppedDone(); // the log may lack the last file that it stored
  assert.deepEqual(workers.filter(isAlive).length, 4);
  assert.equal(world.log.named('worker_stalled').length, 1);
  assert.equal(world.log.named('worker_started').length, 7);
  assert.equal((await ingest.stop()).code, 0);
  await world.runOnce();
  world.check();
});

test('one of five that is stopped inside a transaction with its parent is reported by the others, nobody ends it, and its jobs wait for it', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await world.followManifests();
  world.start('ingest-producer');
  for (let n = 0; n < 5; n++) world.start('ingest-worker', ['--stall-seconds', '10']);
  await until('all are ready', () => world.log.named('worker_started').length === 6);
  const started = world.log.named('worker_started').filter(({ worker }) => worker === ALL_STAGES);
  assert.equal(started.length, 5);

  const stopped = await stopInside(
    t,
    world,
    started.map(({ worker_pid }) => worker_pid as number),
    (pid) => claimsOf(world, ownerOf(started, pid)).length > 0,
  );
  const { heardFrom: parent } = started.find(({ worker_pid }) => worker_pid === stopped)!;
  signal(parent, 'SIGSTOP');
  const owner = ownerOf(started, stopped);
  const claims = claimsOf(world, owner);
  const silent = await world.event('worker_silent', (e) => e.owner === owner && e.heardFrom !== parent);
  assert.equal(silent.worker_pid, stopped);
  assert(isStopped(stopped) && isStopped(parent), 'nobody ends it');
  assert.deepEqual(claimsOf(world, owner), claims, 'its jobs wait');
  assert.deepEqual(troubles(world), []);
  t.diagnostic(`${claims.length} jobs waited`);

  for (const one of [parent, stopped]) signal(one, 'SIGCONT');
  await world.stored();
  await world.allDone();
  assert.deepEqual(troubles(world), []);
  assert.equal(world.log.named('worker_started').length, 6, 'nobody was replaced');
  await world.stop();
  world.check();
  assert(world.jobs().every(({ crashes }) => crashes === 0));
});

test('a worker whose state was removed does not read a huge file to its end first', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await hugeFileSealed(world);
  const { program } = await busyWorker(world, ['--max-bytes-per-second', '1MB']);
  renameSync(world.statePath, `${world.statePath}.away`);
  assert.equal((await program.ended).code, 3);
  assert.deepEqual(world.log.named('worker_stalled'), []);
  renameSync(`${world.statePath}.away`, world.statePath);
});

type Started = Awaited<ReturnType<World['event']>>;

const ownerOf = (started: readonly Started[], pid: number): number =>
  started.find(({ worker_pid }) => worker_pid === pid)!.owner as number;

const claimsOf = (world: World, owner: number): string[] =>
  world
    .jobs()
    .filter((job) => job.state === 'claimed' && job.owner === owner)
    .map(({ id, stage, claim_no }) => `${id} ${stage} ${claim_no}`);

/** Drops files until one of the workers was inside a transaction; it stays stopped there. */
async function stopInside(
  t: TestContext,
  world: World,
  workers: readonly number[],
  fits: (pid: number) => boolean = () => true,
): Promise<number> {
  const seed = process.env.SEED ?? String(Date.now());
  t.diagnostic(`SEED=${seed}`);
  const draw = contents(seed);
  let n = 0;
  for (let tries = 1; tries < 400; tries++) {
    for (const end = n + 60; n < end; n++) world.drop(`${n}.csv`, 50);
    const pid = workers[draw(4).readUInt32LE() % workers.length]!;
    // One worker is inside a transaction: one time in five it is this one.
    await until('somebody writes', () => isWriteLocked(world.statePath), { withinMs: 500, everyMs: 1 }).catch(() => {});
    signal(pid, 'SIGSTOP');
    await until('it is stopped', () => isStopped(pid));
    if (fits(pid) && (await locksForASecond(world))) {
      t.diagnostic(`stopped inside a transaction at the ${tries}th try`);
      return pid;
    }
    signal(pid, 'SIGCONT');
  }
  throw new Error('none was met inside a transaction');
}

/** True where nobody else gets the write lock for a whole second: transactions of others end sooner. */
async function locksForASecond(world: World): Promise<boolean> {
  return stays('the write lock is taken', () => isWriteLocked(world.statePath), 1_000).then(
    () => true,
    () => false,
  );
}

/** Events that must not be logged about a living process. */
const troubles = (world: World): unknown[] =>
  world.log.all.filter(({ event }) => ['worker_lost', 'worker_stalled', 'claim_lost'].includes(event));
