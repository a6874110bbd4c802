/**
 * Frozen instants: at random moments under load every process is stopped, and each dropped content must lie whole in the
 * input, a folder of the work directory, or under its name in the warehouse, as often as it was dropped. As root the
 * warehouse is a small disk that is full half of the time: the file that a waiting duplicate depends on fails with ENOSPC.
 * Does not: count temporary copies; a file that is nowhere else would be lost with them.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { contents } from '../world/dropping.js';
import { workDirOf } from '../world/layout.js';
import { tmpfsMount } from '../world/mounts.js';
import { type Program, signal } from '../world/program.js';
import { sha256Of } from '../world/tree.js';
import { isRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { World } from '../world/world.js';
import type { Found } from './mutants-world.js';

export interface FrozenPlan {
  seed: string;
  moments: number;
  env?: NodeJS.ProcessEnv;
  /** Milliseconds since the epoch after which no new world is begun. */
  until?: number;
}

export interface FrozenReport {
  moments: number;
  /** Moments in which a duplicate waited while the warehouse was full. */
  whileFull: number;
  /** Moments with a file in `underprocess/`. */
  underWay: number;
  drops: number;
  violations: Found[];
}

export const MOMENTS_A_WORLD = 100;
const ROOM = 24 * 1024 * 1024;

export async function frozenInstants(plan: FrozenPlan): Promise<FrozenReport> {
  const report: FrozenReport = { moments: 0, whileFull: 0, underWay: 0, drops: 0, violations: [] };
  for (let n = 0; report.moments < plan.moments && report.violations.length === 0; n++) {
    if (plan.until !== undefined && Date.now() > plan.until) break;
    const world = new World({
      seed: `${plan.seed} ${n}`,
      options: { stabilitySeconds: 0, quietMs: 0, workers: 'all=2' },
    });
    try {
      await freezeAndLook(world, plan, n, report);
    } finally {
      await world.end();
    }
  }
  return report;
}

async function freezeAndLook(world: World, plan: FrozenPlan, n: number, report: FrozenReport): Promise<void> {
  const draw = contents(`${plan.seed} ${n} draws`);
  const below = (limit: number) => draw(4).readUInt32LE() % limit;
  if (isRoot) tmpfsMount(world.feed().warehouse, { size: String(ROOM) });
  const filler = join(world.feed().warehouse, 'filler.bin');
  const ingest = world.start('ingest', [], { env: plan.env ?? {} });
  const isReady = () => world.log.named('worker_started').length === 3;
  await until('the producer and both workers are at work', isReady, { withinMs: 60_000 });
  const look = new Look(world);
  // They begin with files under way: a busy machine may have none in a second.
  for (let some = 0; some < MOMENTS_A_WORLD; some++) dropOne(world, below);
  const sealed = join(workDirOf(world.feed()), 'underprocess');
  await until('files are under way', () => existsSync(sealed) && readdirSync(sealed).length > 0, { everyMs: 1 });
  const last = Math.min(plan.moments, report.moments + MOMENTS_A_WORLD);
  for (let full = false; report.moments < last && report.violations.length === 0; report.moments++) {
    if (isRoot && report.moments % 20 === 10) full = fill(filler);
    if (full && report.moments % 20 === 0) full = empty(filler);
    for (let some = below(4); some > 0; some--) dropOne(world, below);
    await pause(below(15));
    await frozen(ingest, () => {
      const seen = look.now();
      if (seen.underWay > 0) report.underWay++;
      if (full && seen.twinsUnderWay) report.whileFull++;
      const where = `seed ${plan.seed}, world ${n}, moment ${report.moments}`;
      report.violations.push(...seen.missing.map((what) => ({ kind: 'lost', what: `${what}; ${where}` })));
    });
  }
  empty(filler);
  report.drops += world.dropped.length;
  if (report.violations.length > 0) return;
  const isEnd = () => world.survey().input.length === 0 && world.jobs().every(({ state }) => state === 'done');
  await until('all is stored', isEnd, { withinMs: 120_000, everyMs: 100 });
  await world.stop();
  report.violations.push(...world.differences());
}

/** Stops every process and all its threads while `act` checks the files. */
async function frozen(ingest: Program, act: () => void): Promise<void> {
  const pids = [ingest.pid, ...ingest.descendants()];
  for (const pid of pids) signal(pid, 'SIGSTOP');
  await until('all stand still', () => pids.every(standsStill), { withinMs: 60_000, everyMs: 1 });
  act();
  for (const pid of pids) signal(pid, 'SIGCONT');
}

/** A thread inside a call on the disk stops when the call ends. */
function standsStill(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).every((thread) =>
      /\) [TtZX] /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')),
    );
  } catch {
    return true; // it ended
  }
}

/** Leaves no room for a large file, and none for a small one soon. */
function fill(filler: string): true {
  try {
    writeFileSync(filler, Buffer.alloc(ROOM));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  return true;
}

function empty(filler: string): false {
  rmSync(filler, { force: true });
  return false;
}

function dropOne(world: World, below: (n: number) => number): void {
  const n = world.dropped.length;
  const kind = below(5);
  const content =
    kind === 0 ? `twin ${n >> 4} of ${world.root}` : kind === 1 ? 20_000 + below(30_000) : 1 + below(3_000);
  world.drop(`${below(3) === 0 ? 'sub/' : ''}${n}.csv`, content, { how: 'rename' });
}

/** The files and their places; a file that has not changed since the last check is not read again. */
class Look {
  readonly #digests = new Map<string, string>();

  constructor(readonly world: World) {}

  now(): { missing: string[]; underWay: number; twinsUnderWay: boolean } {
    const feed = this.world.feed();
    const work = workDirOf(feed);
    const sealed = this.#digestsIn(join(work, 'underprocess'));
    const others = [feed.input, join(work, 'duplicates'), join(work, 'failed'), feed.warehouse];
    const copies = counted([...sealed, ...others.flatMap((place) => this.#digestsIn(place))]);
    const dropped = counted(this.world.dropped.map(({ sha256 }) => sha256));
    const missing = [...dropped]
      .filter(([digest, times]) => (copies.get(digest) ?? 0) < times)
      .map(([digest, times]) => `${copies.get(digest) ?? 0} of ${times} copies of ${digest} are whole anywhere`);
    return { missing, underWay: sealed.length, twinsUnderWay: new Set(sealed).size < sealed.length };
  }

  #digestsIn(place: string): string[] {
    if (!existsSync(place)) return [];
    const entries = readdirSync(place, { recursive: true, withFileTypes: true, encoding: 'utf8' });
    return entries
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('.ingest-tmp') && !entry.name.startsWith('.'))
      .filter((entry) => entry.name !== 'filler.bin')
      .map((entry) => this.#digest(join(entry.parentPath, entry.name)));
  }

  #digest(path: string): string {
    const { dev, ino, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    const key = [dev, ino, size, mtimeNs, ctimeNs].join(':');
    const known = this.#digests.get(key) ?? sha256Of(path);
    this.#digests.set(key, known);
    return known;
  }
}

function counted(digests: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const digest of digests) counts.set(digest, (counts.get(digest) ?? 0) + 1);
  return counts;
}
