/**
 * Overflow storms: under two producers and a worker that are busy, the kernel drops events again and again; files, new
 * directories and what is moved in with them come while the queues are full, so that nothing but the overflow tells of them.
 * Does not: wait for a scan of its time: the next one is further away than this lasts.
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
  const children = producers.flatMap((program) => program.descendants());
  // Ready is who may claim; it watches from its first scan on.
  await until('both watch', () => children.every((pid) => isWatched(pid, world.input)), slow);
  const rounds = plan.full ? 25 : 2;
  const each = plan.full ? 200 : 40;
  let unseen = 0;
  for (let n = 0; n < rounds; n++) {
    some(world, each, below); // what they are busy with
    unseen += await storm(world, producers, n, () => behind(world, n, each, below));
    // The next one comes while the scan that heals this one is under way, or after all is in.
    if (below(3) === 0) await allIn(world);
  }
  await allIn(world);
  await world.stop();
  const overflows = world.log.named('overflow').length;
  report.figures = {
    storms: rounds,
    'overflows told': overflows,
    files: world.dropped.length,
    'dropped unseen': unseen,
  };
  report.violations.push(...world.differences());
});

/** Neither producer reads while more happens than the kernel keeps; then `act`, of which it keeps nothing. */
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
  await until('both tell of the overflow', () => told() >= producers.length, slow);
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

/** In the input itself, in a new directory, and in one that is filled out of sight and moved in. */
function behind(world: World, n: number, each: number, below: (limit: number) => number): number {
  const [hidden, seen] = [join(world.input, `.filled-${n}`), join(world.input, `filled-${n}`)];
  mkdirSync(hidden);
  const from = world.dropped.length;
  some(world, each, below, `.filled-${n}/`);
  for (const dropped of world.dropped.slice(from)) dropped.name = dropped.name.slice(1) as typeof dropped.name;
  renameSync(hidden, seen);
  return each + some(world, each, below) + some(world, each, below, `new-${n}/deep/`);
}
