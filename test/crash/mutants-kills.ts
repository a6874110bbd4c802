/** Runs with a SIGKILL at a chosen point: in an append, right after a settlement, between the renames of a seal. */
import { faultsIn } from '../world/faults.js';
import { canTrace } from '../world/tracer.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import { type Found, inWorld, type RunParts, settleAndCompare } from './mutants-world.js';

const QUICK = { stabilitySeconds: 0, quietMs: 0 };

/** Kills around the write of lines, while a reader follows them. */
export async function killInAppend({ seed, env }: RunParts): Promise<Found[] | string> {
  let noGcc = false;
  const found = await inWorld({ seed, options: QUICK }, async (world) => {
    const faults = faultsIn(world.root);
    noGcc = !faults;
    if (!faults) return [];
    world.start('ingest', [], { env: { ...faults.env, ...env } });
    const tail = await world.manifestTail();
    for (const [round, point] of (['half_written', 'written', 'synced'] as const).entries()) {
      faults.arm(point, 1);
      for (let i = 0; i < 10; i++) world.drop(`${round}-${i}.csv`, 50, { how: 'rename' });
      await until(`the kill ${point}`, () => faults.kills() > round, { withinMs: 10_000 }).catch(() => {});
      faults.arm(point, 0);
      await world.allDroppedDone({ withinMs: 45_000 });
    }
    await world.stop();
    const { broken } = await tail.stop();
    return [...world.differences(), ...broken.map((what) => ({ kind: 'line_changed', what: JSON.stringify(what) }))];
  });
  return noGcc ? 'no gcc: kills in an append were not tested' : found;
}

/** Kills everything at the moment in which a file is logged as stored. */
export const killAtStored = ({ seed, env }: RunParts): Promise<Found[]> =>
  inWorld({ seed, options: QUICK }, async (world) => {
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 15; i++) world.drop(`${round}-${i}.csv`, 200, { how: 'rename' });
      const since = world.log.all.length;
      world.start('ingest', [], { env });
      await world.event('file_ingested', undefined, { since });
      await world.killAll();
      const found = [...world.differences({ settled: false }), ...(await settleAndCompare(world, env))];
      if (found.length > 0) return found;
    }
    return [];
  });

/** Kills the worker before each rename of a seal: the sidecar's, and then the file's. */
export async function killInSidecarSeal({ seed, env }: RunParts): Promise<Found[] | string> {
  if (!canTrace) return 'no strace: kills between the renames of a seal were not tested';
  return inWorld({ seed, options: { ...QUICK, mode: 'sidecar' } }, async (world) => {
    drop(world, 'first.csv');
    const before = await settleAndCompare(world, env);
    if (before.length > 0) return before;
    for (const rename of [1, 2]) {
      drop(world, `${rename}.csv`);
      const since = world.log.all.length;
      world.start('ingest-producer', [], { env });
      const inject = `inject=renameat2:signal=SIGKILL:when=${rename}`;
      const wrap = ['strace', '-f', '-qq', '-o', `${world.root}/trace`, '-e', 'trace=renameat2', '-e', inject];
      world.start('ingest-worker', [], { env, wrap });
      await world.event('worker_lost', (e) => e.signal === 'SIGKILL', { since });
      await world.killAll();
      const found = await settleAndCompare(world, env);
      if (found.length > 0) return found;
    }
    return [];
  });
}

function drop(world: World, name: string): void {
  const { sha256 } = world.drop(name, 300, { how: 'rename' });
  world.sidecar(name, `${sha256}  ${name}\n`);
}
