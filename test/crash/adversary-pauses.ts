/**
 * Pauses. A worker of each stage is stopped while it has claimed jobs: alone (its parent ends it, another one takes over), or with
 * its parent (nobody ends it, nobody takes its jobs, and it goes on later). Everything is stopped for longer than
 * `--stall-seconds`, like a virtual machine's pause (nobody is ended for it).
 */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { stagesUsed } from '../../src/base/config/values/stage-names.js';
import { isStopped } from '../queue/processes.js';
import { hasClaims } from '../world/database.js';
import { type Program, signal } from '../world/program.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import type { AdversaryPlan, AdversaryReport } from './adversary.js';
import { adversary } from './adversary-world.js';
import { dice } from './dice.js';
import type { Found } from './mutants-world.js';

/** The least; it grows with the time that a start takes on this machine, because nobody may be ended for being slow. */
const STALL_SECONDS = 3;
const STARTS = 5;
const OPTIONS = { stabilitySeconds: 0, quietMs: 0 };
const slow = { withinMs: 240_000 };
const TRIES = 60;

type How = 'alone' | 'with its parent';

/** A worker of one stage, and its parent. */
interface Victim {
  stage: string;
  program: Program;
  owner: number;
  pid: number;
}

export const pauses = adversary('pauses', { options: OPTIONS }, async (world, plan, report) => {
  report.violations.push(...(await stopAll(world, plan, report)));
});

async function stopAll(world: World, plan: AdversaryPlan, report: AdversaryReport): Promise<Found[]> {
  const below = dice(`${plan.seed} pauses`);
  const env = plan.env ?? {};
  const stallSeconds = Math.max(STALL_SECONDS, Math.ceil(STARTS * (await startSeconds(world, env))));
  const stall = ['--stall-seconds', String(stallSeconds)];
  world.start('ingest-producer', stall, { env });
  world.start('ingest-worker', stall, { env }); // it takes over jobs of dead owners
  const programs = stagesUsed([]).map((stage) => world.start('ingest-worker', ['--stage', stage, ...stall], { env }));
  const victims: Victim[] = [];
  for (const [n, program] of programs.entries()) victims.push(await victimOf(world, stagesUsed([])[n]!, program));

  const chosen = below(victims.length);
  const hows: How[] = ['alone', 'with its parent'];
  const found: Found[] = [];
  const figures = {
    'stopped alone and ended': 0,
    'stopped with the parent and continued': 0,
    'jobs that waited for one': 0,
  };
  for (let n = 0; n < (plan.full ? 4 : 1); n++)
    for (const [s, victim] of victims.entries())
      for (const how of plan.full ? hows : [hows[s === chosen ? 0 : 1]!]) {
        const claims = await caught(world, victim, how, below);
        if (how === 'alone') await endedByParent(world, victim);
        else found.push(...(await waitedFor(world, victim, claims, stallSeconds)));
        figures[how === 'alone' ? 'stopped alone and ended' : 'stopped with the parent and continued']++;
        figures['jobs that waited for one'] += how === 'alone' ? 0 : claims.length;
        await world.allDone(slow);
      }
  const frozen = plan.full ? 10 : 1;
  for (let n = 0; n < frozen; n++) found.push(...(await everythingPaused(world, below, stallSeconds)));
  await world.stop();
  await world.runOnce([], { env });
  report.figures = {
    ...figures,
    'pauses of everything': frozen,
    'stall seconds': stallSeconds,
    files: world.dropped.length,
  };
  return [...found, ...world.differences()];
}

async function startSeconds(world: World, env: NodeJS.ProcessEnv): Promise<number> {
  const begun = performance.now();
  const producer = world.start('ingest-producer', [], { env });
  await world.event('worker_started', undefined, slow);
  const seconds = (performance.now() - begun) / 1_000;
  await producer.stop(120_000);
  return seconds;
}

async function victimOf(world: World, stage: string, program: Program, since = 0): Promise<Victim> {
  const isIts = (e: { heardFrom: number }) => e.heardFrom === program.pid;
  const { owner, worker_pid } = await world.event('worker_started', isIts, { since, ...slow });
  return { stage, program, owner: Number(owner), pid: Number(worker_pid) };
}

const claimsOf = (world: World, owner: number): string[] =>
  world
    .jobs()
    .filter((job) => job.state === 'claimed' && job.owner === owner)
    .map(({ id, stage, claim_no }) => `${id} ${stage} ${claim_no}`);

/**
 * Drops files until the worker was stopped with claimed jobs. Returns these jobs. Its stage begins with all of them: some stages have
 * few jobs only for a moment.
 */
async function caught(world: World, victim: Victim, how: How, below: (limit: number) => number): Promise<string[]> {
  const pids = how === 'alone' ? [victim.pid] : [victim.program.pid, victim.pid];
  for (let tries = 0; tries < TRIES; tries++) {
    const ctl = async (word: string): Promise<void> =>
      assert.equal((await world.run('ingest-ctl', [word, victim.stage])).code, 0);
    await ctl('pause');
    const count = 60 + below(60);
    for (let n = 0; n < count; n++) world.drop(`${world.dropped.length}.csv`, 200);
    const waiting = () => world.jobs().filter(({ stage, state }) => stage === victim.stage && state === 'ready').length;
    await until('they are before its stage', () => waiting() >= count, slow);
    await ctl('resume');
    const isAtWork = () => hasClaims(world.statePath, world.feed().name, victim.owner);
    // At a random moment, or as soon as it has jobs.
    if (tries % 2 === 0) await pause(below(40));
    else await until('it has a job', isAtWork, { withinMs: 500, everyMs: 1 }).catch(() => {});
    for (const pid of pids) signal(pid, 'SIGSTOP');
    await until('it is stopped', () => pids.every(isStopped), slow);
    const claims = claimsOf(world, victim.owner);
    if (claims.length > 0) return claims;
    for (const pid of pids) signal(pid, 'SIGCONT');
  }
  throw new Error(`the worker of ${victim.stage} was never met with a job in its hands`);
}

/** Its parent notices it and ends it; another worker takes its jobs. */
async function endedByParent(world: World, victim: Victim): Promise<void> {
  const since = world.log.all.length;
  const { owner } = victim;
  await world.event('worker_stalled', (e) => e.worker_pid === victim.pid, { ...slow });
  signal(victim.pid, 'SIGCONT');
  // The event comes after the commit: the process that takes the jobs over may be stopped next, and would log it much later.
  await world.event('worker_lost', (e) => e.owner === owner && e.jobs !== undefined, { since, ...slow });
  Object.assign(victim, await victimOf(world, victim.stage, victim.program, since));
}

/** Its jobs, and only these, wait for it; then it goes on. */
async function waitedFor(
  world: World,
  victim: Victim,
  claims: readonly string[],
  stallSeconds: number,
): Promise<Found[]> {
  const ids = new Set(claims.map((claim) => claim.split(' ')[0]));
  const others = () => world.jobs().filter(({ id, state }) => state !== 'done' && !ids.has(id));
  const isInside = () => until('the others go on', () => others().length === 0, { withinMs: 2 * stallSeconds * 1_000 });
  // Stopped inside a transaction it blocks everybody, for as long as its parent cannot end it.
  await isInside().catch(() => {});
  const now = claimsOf(world, victim.owner);
  const since = world.log.all.length;
  for (const pid of [victim.pid, victim.program.pid]) signal(pid, 'SIGCONT');
  await world.allDone(slow);
  const lost = claims.filter((claim) => !now.includes(claim));
  const found = lost.map((claim) => ({ kind: 'stolen', what: `${claim} was taken from a stopped ${victim.stage}` }));
  return [...found, ...troubles(world, since)];
}

/** Events that must not be logged about a living process. */
function troubles(world: World, since: number): Found[] {
  const bad = world.log.all
    .slice(since)
    .filter(({ event }) => ['worker_lost', 'worker_stalled', 'claim_lost'].includes(event));
  return bad.map(({ event, msg }) => ({ kind: 'worker_ended', what: `${event}: ${msg}` }));
}

async function everythingPaused(
  world: World,
  below: (limit: number) => number,
  stallSeconds: number,
): Promise<Found[]> {
  const since = world.log.all.length;
  const running = world.programs.filter((program) => program.running);
  const pids = running.flatMap((program) => [program.pid, ...program.descendants()]);
  for (let n = 0; n < 60; n++) world.drop(`${world.dropped.length}.csv`, 200);
  await pause(below(60));
  for (const pid of pids) signal(pid, 'SIGSTOP');
  await until('all are stopped', () => pids.every(isStopped), slow);
  await pause(stallSeconds * 1_000 + 1_000); // the length of the pause is what is tested
  // Parents first or children first: the one that wakes first must not judge the other.
  for (const pid of below(2) === 0 ? pids : [...pids].reverse()) signal(pid, 'SIGCONT');
  await world.allDone(slow);
  const gone = pids.filter(
    (pid) => !running.some((program) => program.pid === pid || program.descendants().includes(pid)),
  );
  return [
    ...gone.map((pid) => ({ kind: 'worker_ended', what: `${pid} did not outlive the pause` })),
    ...troubles(world, since),
  ];
}
