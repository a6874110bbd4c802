/**
 * With everything running and nothing to do: hardly a wake-up, and no write. The directories have the usual files: stored ones, a
 * held one, one without its sidecar, a hidden one.
 */
import assert from 'node:assert/strict';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bytesOfName, joinNames, nameOfText } from '../../src/linux/names.js';
import { workDirOf } from '../world/layout.js';
import { tree } from '../world/tree.js';
import { stays } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const IDLE_MS = 60_000;
/** Measured: 800 to 900 in four processes: heartbeats, checks of the database, the parent's ticks. CPU time depends on the machine's load. */
const WAKE_UPS_MAX = 1_200;
const TICK_MS = 10;
const LOOKS = 4;
const FILES = 50;

test(`idle for ${IDLE_MS / 1000} s: at most ${WAKE_UPS_MAX} wake-ups of all processes together, and nothing is written`, async (t) => {
  const world = createWorld(t, {
    feeds: {
      windows: { options: { mode: 'stability', onEmpty: 'hold' } },
      sidecars: { options: { mode: 'sidecar' } },
    },
  });
  world.start('ingest', ['--workers', 'all=2']);
  for (let n = 0; n < FILES; n++) world.drop(`${n}.csv`, 100, { feed: 'windows' });
  world.drop('empty.csv', '', { feed: 'windows' });
  world.drop('.hidden.csv', 100, { feed: 'windows' });
  world.drop('alone.csv', 100, { feed: 'sidecars' });
  await world.stored(FILES);
  await world.event('file_held');

  const pids = world.programs.flatMap((program) => [program.pid, ...program.descendants()]);
  assert.equal(pids.length, 4, 'a parent, its producer and two workers');
  const [before, cpuBefore] = [written(world), pids.map(cpuMs)];
  // A process that waits for a core counts as asleep: of several measurements, the least disturbed one counts.
  const sums: number[] = [];
  for (let look = 0; look < LOOKS; look++) {
    const wokenBefore = pids.map(wakeUps);
    await stays('everything runs', () => world.programs.every(({ running }) => running), IDLE_MS / LOOKS);
    const woken = pids.map((pid, n) => wakeUps(pid) - wokenBefore[n]!);
    t.diagnostic(`parent, producer, workers: ${woken.join(', ')} wake-ups`);
    sums.push(woken.reduce((total, each) => total + each, 0));
  }
  t.diagnostic(`${pids.map((pid, n) => cpuMs(pid) - cpuBefore[n]!).join(', ')} ms of CPU`);
  assert.deepEqual(written(world), before);
  const sum = Math.min(...sums) * LOOKS;
  assert(sum <= WAKE_UPS_MAX, `${sum} wake-ups`);
  await world.stop();
});

/** How often its threads went to sleep by themselves, without V8's own threads, which compile frequent code in the first two minutes. */
function wakeUps(pid: number): number {
  const asleep = (thread: string): number => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return /^Name:\tV8Worker$/m.test(status) ? 0 : Number(/^voluntary_ctxt_switches:\t(\d+)$/m.exec(status)![1]);
  };
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + asleep(thread), 0);
}

/** User and system time of all threads, in whole ticks. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** When everything in every place was last changed, directories too. */
function written(world: World): Map<string, string> {
  const places = world.feeds.flatMap((feed) => [feed.input, feed.warehouse, feed.manifests, workDirOf(feed)]);
  const found = [join(world.root, 'state'), ...places].flatMap((place) =>
    [place, ...tree(place).map(({ path }) => joinNames(nameOfText(place), path))].map((path) => {
      const { size, mtimeNs, ctimeNs, ino } = lstatSync(bytesOfName(path as never), { bigint: true });
      return [path as string, `${ino} ${size} ${mtimeNs} ${ctimeNs}`] as const;
    }),
  );
  const seen = new Map(found);
  seen.delete(`${world.statePath}-shm`);
  return seen;
}
