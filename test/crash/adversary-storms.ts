/**
 * Overflow storms: under two producers and a busy worker, the kernel drops events again and again. Files, new directories, and
 * directories that are moved in with files come while the queues are full, so only the overflow reports them.
 * Does not: wait for a regular scan: the next one is later than the end of this run.
 */
import { mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isStopped } from '../queue/processes.js';
import { ITS_OWN_WATCH } from '../world/home.js';
import { type Program, signal } from '../world/program.js';
import { until } from '../world/waiting.js';
import { isWatched } from '../world/watched.js';
import type { World } from '../world/world.js';
import { AT_ONCE, adversary, allIn } from './adversary-world.js';
import { dice } from './dice.js';

const QUEUED = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
const OPTIONS = { ...AT_ONCE, ...ITS_OWN_WATCH };
const SCANS = ['--scan-interval-seconds', '3600', '--stall-seconds', '600'];
const slow = { withinMs: 240_000, everyMs: 50 };

export const storms = adversary('overflow storms', { options: OPTIONS }, async (world, plan, report) => {
  const below = dice(`${plan.seed} storms`);
  const env = plan.env ?? {};
  const producers = [1, 2].map(() => world.start('ingest-producer', SCANS, { env }));
  world.start('ingest-worker', [], { env });
  await until('all are ready', () => world.log.named('worker_started').length === 3, slow);
  // Ready means that it may claim; it watches only after its first scan.
  const watches = (producer: Program): boolean => producer.descendants().some((pid) => isWatched(pid, world.input));
  await until('both watch', () => producers.every(watches), slow);
  const rounds = plan.full ? 25 : 2;
  const each = plan.full ? 200 : 40;
  let unseen = 0;
  for (let n = 0; n < rounds; n++) {
    some(world, each, below); // this keeps them busy
    unseen += await storm(world, producers, n, () => behind(world, n, each, below));
    // The next storm comes while the scan that repairs this one is under way, or after all files are in.
    if (below(3) === 0) await allIn(world);
  }
  await allIn(world);
  await world.stop();
  const overflows = world.log.named('overflow').length;
  report.figures = {
    storms: rounds,
    'overflows logged': overflows,
    files: world.dropped.length,
    'dropped unseen': unseen,
  };
  report.violations.push(...world.differences());
});

/** Stops both producers while more happens than the kernel keeps, then runs `act`, whose events are all lost. */
async function storm(world: World, producers: readonly Program[], n: number, act: () => number): Promise<number> {
  const children = producers.flatMap((program) => program.descendants());
  const since = world.log.all.length;
  for (const pid of children) signal(pid, 'SIGSTOP');
  await until('both are stopped', () => children.every(isStopped), slow);
  noise(world, QUEUED / 2 + 100); // two events or more each
  const unseen = act();
  for (const pid of children) signal(pid, 'SIGCONT');
  if (n % 2 === 1) noise(world, QUEUED / 4); // while they read
  const told = () => world.log.all.slice(since).filter(({ event }) => event === 'overflow').length;
  await until('both log the overflow', () => told() >= producers.length, slow);
  return unseen;
}

/** Hidden files that come and go. */
function noise(world: World, count: number): void {
  for (let i = 0; i < count; i++) {
    const path = join(world.input, `.noise-${i}`);
    writeFileSync(path, '');
    unlinkSync(path);
  }
}

function some(world: World, count: number, below: (limit: number) => number, folder = ''): number {
  for (let i = 0; i < count; i++) {
    const content = below(5) === 0 ? `twin ${below(30)}` : 1 + below(2_000);
    const how = below(2) === 0 ? 'rename' : 'write';
    world.drop(`${folder}${world.dropped.length}.csv`, content, { how });
  }
  return count;
}

/** Files in the input itself, in a new directory, and in one that is filled outside and moved in. */
function behind(world: World, n: number, each: number, below: (limit: number) => number): number {
  const [hidden, seen] = [join(world.input, `.filled-${n}`), join(world.input, `filled-${n}`)];
  mkdirSync(hidden);
  const from = world.dropped.length;
  some(world, each, below, `.filled-${n}/`);
  for (const dropped of world.dropped.slice(from)) dropped.name = dropped.name.slice(1) as typeof dropped.name;
  renameSync(hidden, seen);
  return each + some(world, each, below) + some(world, each, below, `new-${n}/deep/`);
}
