/**
 * SIGKILL at random moments of every process, while jobs are claimed; after each, a restart and the oracle.
 * A reader follows the manifests through all of it.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type TestContext, test } from 'node:test';
import { STAGE_NAMES, stagesUsed } from '../../src/base/config/values/stage-names.js';
import { type Glance, glance } from '../world/database.js';
import { contents } from '../world/dropping.js';
import { ITS_OWN_WATCH, POLLED } from '../world/home.js';
import { tmpfsMount } from '../world/mounts.js';
import { type Program, signal } from '../world/program.js';
import { isRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const SEED = process.env.SEED ?? String(Date.now());
const FILES = 100;
const FILES_MAX = 400;
/** The most checks that must find claimed jobs before the kill: a batch is claimed for that long, and then stored at once. */
const CLAIMS_SEEN_MAX = 90;
/** In these rounds the kill comes while an append is planned and not confirmed. */
const IN_APPEND = 'an append is open';

/** The least rounds with claimed jobs at the kill; a round without them is repeated. */
const ROUNDS = 20;
const TRIES_MAX = 12;

/** The victims of each round: all processes at once, a parent, or one child, which its parent starts again. */
const STAGES = stagesUsed([]);
const VICTIMS = ['everything', 'parent', 'producer', ...STAGES, 'worker of all stages'] as const;
type Victim = (typeof VICTIMS)[number] | typeof IN_APPEND;

type Layout = 'all stages' | 'per stage' | 'separate';

const PER_STAGE = ['--workers', 'verify-complete=1,hash=2,manifest=1,move=1'];

function start(world: World, layout: Layout, poll: boolean): Program[] {
  const polling = poll ? ['--poll', '--scan-interval-seconds', '0.2'] : [];
  if (layout === 'all stages') return [world.start('ingest', ['--workers', 'all=2', ...polling])];
  if (layout === 'per stage') return [world.start('ingest', [...PER_STAGE, ...polling])];
  const workers = [...STAGES, 'hash'].map((stage) => world.start('ingest-worker', ['--stage', stage]));
  return [world.start('ingest-producer', polling), ...workers];
}

let rounds = 0;
/** The rounds on two filesystems were left out. */
let left = false;

for (const where of ['one filesystem', 'two filesystems'] as const) {
  test(`killed at random moments, restarted, and nothing differs: ${where}`, async (t) => {
    const warehouse = where === 'two filesystems' && !isRoot ? inMemory(t) : undefined;
    if (where === 'two filesystems' && !isRoot && !warehouse) {
      left = true;
      return;
    }
    t.diagnostic(`SEED=${SEED}`);
    const world = createWorld(t, {
      seed: `${SEED} ${where}`,
      ...(warehouse && { places: { warehouse } }),
      options: { stabilitySeconds: 0, quietMs: 0, ...ITS_OWN_WATCH },
    });
    if (where === 'two filesystems' && isRoot) tmpfsMount(world.feed().warehouse, { size: '1g' });
    const draw = contents(`${SEED} ${where} draws`);
    const below = (n: number) => draw(4).readUInt32LE() % n;
    const tail = await world.manifestTail();
    let kills = 0;
    let inAppend = 0;

    // Two kills in a row: the second one hits the work of the restart after the first.
    const appends = where === 'one filesystem' ? [IN_APPEND, IN_APPEND, IN_APPEND] : [];
    for (const victim of [...VICTIMS, ...appends] as Victim[]) {
      for (let times = victim === IN_APPEND ? 2 : 1; times > 0; times--) {
        let met = await killOnce(world, kills++, victim, below, t);
        for (let tries = 1; met.claimed === 0; tries++) {
          assert(tries < TRIES_MAX, `${TRIES_MAX} kills in a row met no claimed job`);
          met = await killOnce(world, kills++, victim, below, t);
        }
        rounds++;
        if (met.openAppends > 0) inAppend++;
      }
      await world.runOnce();
      world.check();
      countersAgree(world);
    }
    const { broken, looks } = await tail.stop();
    assert.deepEqual(broken, [], 'the reader saw something else than growth');
    t.diagnostic(
      `${kills} kills, so far ${rounds} with jobs claimed; ${inAppend} here with an append open; the reader looked ${looks} times`,
    );
  });
}

test(`at least ${ROUNDS} kills met claimed jobs`, (t) => {
  if (left) return t.skip(`${rounds} did: there was no second filesystem for the others`);
  assert(rounds >= ROUNDS, `only ${rounds} kills met claimed jobs`);
});

/** A second filesystem for somebody who cannot mount one. */
function inMemory(t: TestContext): string | undefined {
  const there = statSync('/dev/shm', { throwIfNoEntry: false });
  if (!there || there.dev === statSync(tmpdir()).dev) {
    t.skip('not run as root, and /dev/shm is no second filesystem: kills while files are copied to another one');
    return undefined;
  }
  const place = mkdtempSync('/dev/shm/ingest-');
  t.after(() => rmSync(place, { recursive: true }));
  return place;
}

/** Drops files, starts, kills the victim at a random moment while jobs are claimed. Returns the jobs that were claimed then. */
async function killOnce(
  world: World,
  round: number,
  victim: Victim,
  below: (n: number) => number,
  t: TestContext,
): Promise<{ claimed: number; openAppends: number }> {
  const layout = layoutFor(victim, below);
  const poll = below(3) === 0 || POLLED;
  let n = 0;
  const dropSome = (many: number) => {
    for (; many > 0 && n < FILES_MAX; many--) dropOne(world, round, n++, below);
  };
  dropSome(20 + below(FILES));
  const since = world.log.all.length;
  const before = glance(world.statePath).stored;
  const programs = start(world, layout, poll);
  // Files arrive until the kill, so that every stage has some.
  const atClaims = below(CLAIMS_SEEN_MAX);
  let claimsSeen = 0;
  let [pids, survives]: [number[], boolean] = [[], false];
  const inProgress = await until(
    `the moment of round ${round}`,
    () => {
      const now = glance(world.statePath);
      if (now.claimed > 0 || now.stored > before) dropSome(3);
      if (now.claimed > 0) claimsSeen++;
      const isIt = victim === IN_APPEND ? now.openAppends > 0 : claimsSeen > atClaims;
      const over = n === FILES_MAX && now.stored > before && allSettled(world);
      if (pids.length === 0 && (now.claimed > 0 || over))
        [pids, survives] = victimsOf(world, programs, victim, below, since);
      if (pids.length === 0) return false;
      return isIt && now.claimed > 0 ? stoppedInHand(world, pids) : over && now;
    },
    { everyMs: below(4) },
  );
  for (const pid of pids) signal(pid, 'SIGKILL');
  const found = glance(world.statePath);
  if (survives) {
    await world.event('worker_lost', (e) => e.signal === 'SIGKILL', { since });
    await world.stop();
  } else {
    await world.killAll();
    world.check({ settled: false });
  }
  const stored = inProgress.stored - before;
  t.diagnostic(
    `round ${round}: ${victim} of ${layout}${poll ? ', polling' : ''}, ${found.claimed} claimed, ${found.openAppends} appends open, ${stored} of ${n} stored before`,
  );
  // Before the signals and after them.
  return { claimed: Math.min(inProgress.claimed, found.claimed), openAppends: found.openAppends };
}

/** Stops the victims. If no job is claimed then, they go on. */
function stoppedInHand(world: World, pids: readonly number[]): Glance | false {
  for (const pid of pids) signal(pid, 'SIGSTOP');
  const now = glance(world.statePath);
  if (now.claimed > 0) return now;
  for (const pid of pids) signal(pid, 'SIGCONT');
  return false;
}

function layoutFor(victim: Victim, below: (n: number) => number): Layout {
  if (victim === 'worker of all stages') return 'all stages';
  if (victim === 'everything' || victim === 'parent' || victim === IN_APPEND)
    return (['all stages', 'per stage', 'separate'] as const)[below(3)]!;
  return 'per stage';
}

/** The pids, and true where a parent goes on. */
function victimsOf(
  world: World,
  programs: readonly Program[],
  victim: Victim,
  below: (n: number) => number,
  since: number,
): [pids: number[], survives: boolean] {
  if (victim === 'everything' || victim === IN_APPEND)
    return [programs.flatMap((program) => [program.pid, ...program.descendants()]), false];
  if (victim === 'parent') return [[programs[below(programs.length)]!.pid], false];
  const named =
    victim === 'producer' ? 'producer' : `worker ${victim === 'worker of all stages' ? STAGE_NAMES.join(' ') : victim}`;
  const started = world.log.all.slice(since).filter((e) => e.event === 'worker_started' && e.worker === named);
  // Not yet ready: asked again.
  if (started.length === 0) return [[], true];
  return [[started[below(started.length)]!.worker_pid as number], true];
}

function dropOne(world: World, round: number, n: number, below: (n: number) => number): void {
  const name = `${round}-${n}.csv`;
  const kind = below(30);
  if (kind === 0 && world.dropped.length > 0) world.drop(name, twinOf(world, round), { how: 'rename' });
  else if (kind === 1) world.drop(name, 300_000 + below(2_500_000), { how: 'rename' });
  else world.drop(`${below(3) === 0 ? 'sub/' : ''}${name}`, 1 + below(5_000), { how: 'rename' });
}

/** The same for every twin of a round and of the round before: in flight, stored, or killed in between. */
const twinOf = (world: World, round: number): string => `twin ${round >> 1} of ${world.root}`;

function allSettled(world: World): boolean {
  const jobs = world.jobs();
  return jobs.length > 0 && jobs.every(({ state }) => state === 'done');
}

function countersAgree(world: World): void {
  const counted = world.database()!.counters.filter(({ name }) => name === 'stored');
  const lines = world.manifest().map(({ record }) => record!.size);
  const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0);
  assert.deepEqual(
    { files: sum(counted.map(({ files }) => files)), bytes: sum(counted.map(({ bytes }) => bytes)) },
    { files: lines.length, bytes: sum(lines) },
    'the counters equal lines and bytes',
  );
}
