/**
 * Places that go away under two producers and eight workers: the input is renamed, or a mount that is detached while they
 * have it open (`umount -l`), and comes back; the warehouse's disk is full and freed again.
 * Does not: fill the state's or the manifests' disk; test/scenarios/ has those.
 */
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stagesUsed } from '../../src/base/config/values/stage-names.js';
import { ON_TRIAL } from '../../src/ingest/health/episode.js';
import { drop } from '../world/dropping.js';
import { bindMount, tmpfsMount, unmount } from '../world/mounts.js';
import { isRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import { type Adversary, type AdversaryPlan, type AdversaryReport, nothingYet } from './adversary.js';
import { AT_ONCE, allIn, inWorldOf } from './adversary-world.js';
import { dice } from './dice.js';
import type { Found } from './mutants-world.js';

const MEBIBYTE = 1024 * 1024;
const slow = { withinMs: 240_000, everyMs: 100 };

/** How the input disappears and comes back, and where its files are meanwhile. */
type Absence = 'renamed' | 'unmounted';

export const places: Adversary = {
  name: 'places that go away',
  async run(plan) {
    const report = nothingYet();
    if (!isRoot) report.notTested.push('Not run as root: an unmounted input and a full disk were not tested.');
    for (const absence of isRoot ? (['unmounted', 'renamed'] as const) : (['renamed'] as const))
      await inWorldOf({ seed: plan.seed, options: AT_ONCE }, report, async (world) => {
        report.violations.push(...(await goingAway(world, absence, plan, report)));
      });
    return report;
  },
};

async function goingAway(
  world: World,
  absence: Absence,
  plan: AdversaryPlan,
  report: AdversaryReport,
): Promise<Found[]> {
  const { input, warehouse } = world.feed();
  const source = absence === 'unmounted' ? join(world.root, 'source') : `${input} that was`;
  if (absence === 'unmounted') bindMount(tmpfsMount(source), input);
  // There is room for all files that will be stored: only the filler fills the disk.
  const room = (plan.full ? 48 : 8) * MEBIBYTE;
  if (isRoot) tmpfsMount(warehouse, { size: String(room) });
  const env = plan.env ?? {};
  const below = dice(`${plan.seed} places`);
  for (const _ of [1, 2]) world.start('ingest-producer', ['--log-level', 'debug'], { env });
  const stages = stagesUsed([]).map((stage) => `--stage=${stage}=2`);
  world.start('ingest-worker', stages, { env });
  await until('all are ready', () => world.log.named('worker_started').length === 10, slow);
  // If the input disappears before a producer has opened it, that producer later sees another directory.
  await until('both producers have scanned', () => world.log.named('scan_done').length >= 2, slow);

  some(world, plan.full ? 2_000 : 100, below);
  for (let n = 0; n < (plan.full ? 5 : 1); n++) {
    await inputGoes(world, absence, source, below);
    if (isRoot) await diskFull(world, join(warehouse, 'filler.bin'), room, below);
  }
  await allIn(world);
  await world.stop();
  await world.runOnce([], { env });
  report.figures[`files, input ${absence}`] = world.dropped.length;
  report.figures[`stored, input ${absence}`] = world.warehouse().length;
  report.figures[`gates closed, input ${absence}`] = world.log.named('gate_closed').length;
  return world.differences();
}

/** Every fourth file has one of a few contents. */
function some(world: World, count: number, below: (limit: number) => number, input = world.input): void {
  for (let i = 0; i < count; i++) {
    const n = world.dropped.length;
    const content = below(4) === 0 ? Buffer.from(`twin ${below(20)}`) : world.content(100 + below(2_000));
    world.dropped.push(drop(input, `${below(3) === 0 ? `sub-${below(5)}/` : ''}${n}.csv`, content, { how: 'rename' }));
  }
}

async function inputGoes(world: World, how: Absence, source: string, below: (limit: number) => number): Promise<void> {
  const since = world.log.all.length;
  some(world, 50, below);
  if (how === 'renamed') renameSync(world.input, source);
  else unmount(world.input, { busy: 'detaches' });
  some(world, 50, below, source); // an uploader that has the directory open goes on
  // Not by a worker: to it, a place that comes back and disappears within seconds is one trouble, logged once.
  const told = () => world.log.all.slice(since).filter(({ event }) => event === 'root_missing').length;
  await until('both producers log it', () => told() >= 2, slow);
  if (how === 'renamed' && !existsSync(world.input)) renameSync(source, world.input);
  if (how === 'unmounted') bindMount(source, world.input);
  some(world, 50, below);
  await allIn(world);
}

async function diskFull(world: World, filler: string, room: number, below: (limit: number) => number): Promise<void> {
  try {
    writeFileSync(filler, Buffer.alloc(room));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  some(world, 60, below);
  // Not by log events: a disk that is full again within seconds is the same trouble.
  const isClosed = () => world.gates().some(({ place, stage }) => place === 'warehouse' && stage !== ON_TRIAL);
  await until('its gate is closed', isClosed, slow);
  some(world, 20, below);
  rmSync(filler);
  await allIn(world);
}
