/**
 * Time against the ingestor: the wall clock jumps by an hour and by thirty days, forth and back, under load; every process
 * is stopped for longer than `--stall-seconds`, as when a virtual machine is paused, and nobody is killed for it.
 */
import { join } from 'node:path';
import { signal } from '../world/program.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import { AT_ONCE, adversary } from './adversary-world.js';
import { Control, compilePreload } from './control.js';
import type { Found } from './mutants-world.js';

const HOUR_NS = 3_600e9;
const JUMPS_HOURS = [1, -1, 0, 720, -720, 0];
const FILES_A_JUMP = 200;
const PATIENT = { withinMs: 120_000, everyMs: 100 };
const STALL_SECONDS = 2;
const PAUSES = 5;

export const clocks = adversary('clock jumps', { options: AT_ONCE }, async (world, { full, env }, report) => {
  const library = compilePreload(world.root);
  if (library === undefined) return void report.notTested.push('There is no gcc: clock jumps were not tested.');
  const control = new Control(join(world.root, 'control'));
  try {
    world.start('ingest', [], { env: { ...env, LD_PRELOAD: library, CRASH_CONTROL: control.path } });
    await world.event('worker_started', (e) => String(e.worker).startsWith('worker'), PATIENT);
    for (const hours of JUMPS_HOURS) {
      const half = full ? FILES_A_JUMP / 2 : 3;
      dropSome(world, half);
      control.set('wall_ns', hours * HOUR_NS);
      dropSome(world, half);
      await world.stored(undefined, PATIENT);
    }
    await world.allDone(PATIENT);
    await world.stop();
  } finally {
    control.close();
  }
  report.figures = { 'jumps of the wall clock': JUMPS_HOURS.length, files: world.dropped.length };
  report.violations.push(...world.differences(), ...killed(world));
});

const PAUSED = { ...AT_ONCE, concurrency: 2, stallSeconds: STALL_SECONDS };

export const pause = adversary('a pause of everything', { options: PAUSED }, async (world, { full, env }, report) => {
  const ingest = world.start('ingest', [], { env: env ?? {} });
  await world.event('worker_started', (e) => String(e.worker).startsWith('worker'), PATIENT);
  const pauses = full ? PAUSES : 1;
  for (let n = 0; n < pauses; n++) {
    const since = world.log.all.length;
    dropSome(world, 100);
    await world.event('file_ingested', undefined, { ...PATIENT, since });
    const pids = [ingest.pid, ...ingest.descendants()];
    for (const pid of pids) signal(pid, 'SIGSTOP');
    const endMs = performance.now() + (STALL_SECONDS + 1) * 1_000;
    await until('the pause is over', () => performance.now() > endMs, { withinMs: 60_000, everyMs: 100 });
    for (const pid of pids) signal(pid, 'SIGCONT');
    await world.stored(undefined, PATIENT);
  }
  await world.allDone(PATIENT);
  await world.stop();
  report.figures = { 'pauses longer than --stall-seconds': pauses, files: world.dropped.length };
  report.violations.push(...world.differences(), ...killed(world));
});

function dropSome(world: World, count: number): void {
  for (; count > 0; count--) world.drop(`${world.dropped.length}.csv`, 2_000, { how: 'rename' });
}

const killed = (world: World): Found[] =>
  ['worker_lost', 'worker_stalled', 'bug'].flatMap((event) =>
    world.log.named(event).map((e) => ({ kind: 'killed', what: JSON.stringify(e) })),
  );
