/**
 * Time against the ingestor: the wall clock jumps by an hour and by thirty days, forth and back, under load; every process
 * is stopped for longer than `--stall-seconds`, as when a virtual machine is paused, and nobody is killed for it.
 */
import { join } from 'node:path';
import { signal } from '../world/program.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import { type Adversary, AT_ONCE, against } from './adversary.js';
import { Control, compilePreload } from './control.js';
import type { Found } from './mutants-world.js';

const HOUR_NS = 3_600e9;
const JUMPS_HOURS = [1, -1, 0, 720, -720, 0];
const FILES_A_JUMP = 200;
const PATIENT = { withinMs: 120_000, everyMs: 100 };
const STALL_SECONDS = 2;
const PAUSES = 5;

export const clocks: Adversary = ({ seed, scale }) =>
  against({ seed, options: AT_ONCE }, async (world) => {
    const library = compilePreload(world.root);
    if (library === undefined) return { violations: [], counts: {}, untested: 'no gcc: clock jumps were not tested' };
    const control = new Control(join(world.root, 'control'));
    try {
      world.start('ingest', [], { env: { LD_PRELOAD: library, CRASH_CONTROL: control.path } });
      await world.event('worker_started', (e) => String(e.worker).startsWith('worker'), PATIENT);
      for (const hours of JUMPS_HOURS) {
        const half = Math.ceil((FILES_A_JUMP * scale) / 2);
        dropSome(world, half);
        control.set('wall_ns', hours * HOUR_NS);
        dropSome(world, half);
        await world.stored(undefined, PATIENT);
      }
      await world.allDone(PATIENT);
      await world.stop();
      const counts = { jumps: JUMPS_HOURS.length, files: world.dropped.length };
      return { violations: [...world.differences(), ...killed(world)], counts };
    } finally {
      control.close();
    }
  });

export const pause: Adversary = ({ seed, scale }) =>
  against({ seed, options: { ...AT_ONCE, concurrency: 2, stallSeconds: STALL_SECONDS } }, async (world) => {
    const ingest = world.start('ingest');
    await world.event('worker_started', (e) => String(e.worker).startsWith('worker'), PATIENT);
    const pauses = Math.max(1, Math.round(PAUSES * scale));
    for (let n = 0; n < pauses; n++) {
      dropSome(world, 100);
      await world.event('file_ingested', undefined, { ...PATIENT, since: world.log.all.length });
      const pids = [ingest.pid, ...ingest.descendants()];
      for (const pid of pids) signal(pid, 'SIGSTOP');
      const endMs = performance.now() + (STALL_SECONDS + 1) * 1_000;
      await until('the pause is over', () => performance.now() > endMs, { withinMs: 60_000, everyMs: 100 });
      for (const pid of pids) signal(pid, 'SIGCONT');
      await world.stored(undefined, PATIENT);
    }
    await world.allDone(PATIENT);
    await world.stop();
    return { violations: [...world.differences(), ...killed(world)], counts: { pauses, files: world.dropped.length } };
  });

function dropSome(world: World, count: number): void {
  for (; count > 0; count--) world.drop(`${world.dropped.length}.csv`, 2_000, { how: 'rename' });
}

const killed = (world: World): Found[] =>
  ['worker_lost', 'worker_stalled', 'bug'].flatMap((event) =>
    world.log.named(event).map((e) => ({ kind: 'killed', what: JSON.stringify(e) })),
  );
