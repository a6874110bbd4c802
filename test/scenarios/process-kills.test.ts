/**
 * SIGKILL of the processes of chains, of their workers, and of everything, while files are processed. The module is changed in between.
 * After each restart the oracle checks: each output once, none without its line, no partial one visible.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BY_COUNTRY, orders } from '../world/chains.js';
import { contents } from '../world/dropping.js';
import { asConfiguration } from '../world/layout.js';
import { type Program, signal } from '../world/program.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const SEED = process.env.SEED ?? String(Date.now());
const QUICK = { stabilitySeconds: 0, quietMs: 0 };
const VICTIMS = ['chains', 'worker', 'everything'] as const;
const ROUNDS = Number(process.env.ROUNDS ?? 9);
const FILES = 12;

/** Never makes the same output twice, and takes a moment for it. */
const wild = (version: number): string => `
  export default () => ({
    async route(record, emit) {
      if (Math.random() < 0.02) await new Promise((resolve) => setTimeout(resolve, 5));
      emit(Math.random() < 0.5 ? 'left' : 'right', { ...record, version: ${version}, dice: Math.random() });
    },
    end(emit) { emit('summary', { version: ${version}, at: Date.now() }); },
  });`;

const isChain = (pid: number): boolean => {
  try {
    return /process-child|^atomic-ingestor: process\0*$/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
  } catch {
    return false;
  }
};

function dropSome(world: World, round: number, below: (n: number) => number): void {
  for (let n = 0; n < FILES; n++) {
    const { text, made } = orders(`${round}-${n}`, 50 + below(4_000));
    const feed = n % 2 === 0 ? 'made' : 'wild';
    const { sha256 } = world.drop(`${round}-${n}.csv`, text, { feed, how: 'rename' });
    if (feed === 'made') world.made.set(sha256, made);
  }
}

test('killed while files are processed, and nothing differs', async (t) => {
  t.diagnostic(`SEED=${SEED}`);
  const world = createWorld(t, { seed: SEED, feeds: { made: { options: QUICK }, wild: { options: QUICK } } });
  const module = join(world.root, 'wild.mjs');
  writeFileSync(module, wild(0));
  const chains = { made: BY_COUNTRY, wild: { format: 'csv', start: 'route', module } } as Record<string, object>;
  const feeds = world.feeds.map((feed) => ({
    ...feed,
    options: { ...feed.options, process: { ...chains[feed.name] } },
  }));
  writeFileSync(world.configPath, asConfiguration(feeds, {}));
  const draw = contents(SEED);
  const below = (n: number) => draw(4).readUInt32LE() % n;
  const killed = { chains: 0, worker: 0, everything: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const victim = VICTIMS[round % VICTIMS.length]!;
    dropSome(world, round, below);
    const since = world.log.all.length;
    const program = world.start('ingest', ['--workers', 'all=2', '--concurrency', '2']);
    const looks = below(12);
    let seen = 0;
    const isAtWork = () => {
      const pids = program.descendants().filter(isChain);
      return pids.length > 0 && ++seen > looks ? pids : undefined;
    };
    const alive = await until('a chain is at work', isAtWork, { soFar: () => program.tail() });
    killed[victim] += await kill(world, program, victim, alive, since);
    if (below(2) === 0) writeFileSync(module, wild(round + 1));
    if (victim !== 'everything') {
      await world.allDroppedDone().catch(() => retryHeld(world));
      await world.stop();
    } else world.check({ settled: false });
    await finish(world);
  }
  t.diagnostic(JSON.stringify(killed));
  assert(Object.values(killed).every((count) => count > 0));
});

/** Returns how many were killed. */
async function kill(
  world: World,
  program: Program,
  victim: (typeof VICTIMS)[number],
  chains: readonly number[],
  since: number,
): Promise<number> {
  if (victim === 'everything') {
    await world.killAll();
    return 1;
  }
  const started = world.log.all.slice(since).filter((e) => e.event === 'worker_started' && e.worker !== 'producer');
  const pids = victim === 'chains' ? chains : [started[0]!.worker_pid as number];
  assert(program.running);
  for (const pid of pids) signal(pid, 'SIGKILL');
  return pids.length;
}

/** A file with two killed processes is held; here that is not the file's fault. */
async function retryHeld(world: World): Promise<void> {
  await world.run('ingest-ctl', ['retry', '--all']);
  await world.allDroppedDone();
}

async function finish(world: World): Promise<void> {
  const { code } = await world.run('ingest', ['--once']);
  if (code === 4) {
    await world.run('ingest-ctl', ['retry', '--all']);
    await world.runOnce();
  }
  world.check();
}
