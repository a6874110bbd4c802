/**
 * Power cuts at random moments under load: everything is killed, all disks lose their power, are mounted again, and the
 * ingestor goes on. After each cut the promises that hold at every moment are checked, after some of them everything
 * is brought to its end and the oracle compares all.
 * Guarantees: the same seed draws the same plan (what runs, what is dropped, which disks and cuts); the moment itself is the
 * machine's.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { release } from '../world/mounts.js';
import type { Difference } from '../world/oracle.js';
import { signal } from '../world/program.js';
import { sha256Of } from '../world/tree.js';
import { World } from '../world/world.js';
import { type CutKind, cutPower, type Disk, type DiskType, makeDisk, makeSynced, remount } from './power-disks.js';
import { dropFile, settleUploads } from './power-drops.js';
import { evidenceOf } from './power-evidence.js';
import { dice, drawMoment, LAYOUTS, type Layout, type PowerPlan, type PowerReport } from './power-plan.js';

export const CUTS_A_WORLD = 12;
const SETTLE_EVERY = 3; // cuts
const DROPS_A_ROUND = 120;
const EVIDENCE_MAX = 3; // each costs a survey
const SETTLE_WITHIN_MS = 240_000;

export async function powerCuts(plan: PowerPlan): Promise<PowerReport> {
  const report: PowerReport = { cuts: 0, by: {}, drops: 0, acknowledged: 0, settlements: 0, violations: [] };
  for (let n = 0; report.cuts < plan.cuts && report.violations.length === 0; n++) {
    if (plan.until !== undefined && Date.now() > plan.until) break;
    const one = new PoweredWorld(plan, n, report);
    try {
      await one.run();
    } finally {
      await one.end();
    }
  }
  return report;
}

const ARGS = [
  ['--concurrency=1'],
  ['--concurrency=3'],
  ['--workers', 'all=2'],
  ['--workers', 'verify-complete=1,hash=1,manifest=1,move=1'],
];

class PoweredWorld {
  /** Draws the plan. `#dice` draws things that depend on the machine's speed. */
  #below: (n: number) => number;
  readonly #dice: (n: number) => number;
  readonly #seed: string;
  readonly #base = mkdtempSync(join(tmpdir(), 'ingest-power-'));
  readonly #world: World;
  readonly #disks: Disk[];
  readonly #name: string;
  readonly #layout: Layout;
  #files = 0;
  #told = 0;

  constructor(
    readonly plan: PowerPlan,
    number: number,
    readonly report: PowerReport,
  ) {
    const seed = `${plan.seed} world ${number}`;
    this.#seed = seed;
    this.#below = dice(`${seed} plan`);
    this.#dice = dice(`${seed} load`);
    this.#layout = plan.layout ?? LAYOUTS[this.#below(3) === 0 ? 1 : 0];
    const type = (): DiskType => plan.type ?? (this.#below(2) === 0 ? 'ext4' : 'xfs');
    const data = join(this.#base, 'data');
    const store = join(this.#base, 'store');
    this.#world = new World({
      seed,
      options: { stabilitySeconds: 0, quietMs: 0, ...(this.#below(2) === 0 && { preserveSubdirs: true }) },
      places: {
        input: join(data, 'input'),
        manifests: join(this.#base, 'manifests'),
        warehouse: join(this.#layout === 'joined' ? data : store, 'warehouse'),
      },
    });
    const places = { state: join(this.#world.root, 'state'), data, manifests: join(this.#base, 'manifests') };
    const all = { ...places, ...(this.#layout === 'apart' && { store }) };
    this.#disks = Object.entries(all).map(([name, place]) => makeDisk(name, place, type()));
    this.#name = `${seed} ${this.#layout} ${this.#disks.map((d) => `${d.name}:${d.type}`).join(' ')}`;
    for (const place of ['input', 'warehouse'] as const) makeSynced(this.#world.feed()[place]);
  }

  async run(): Promise<void> {
    for (let cut = 0; cut < CUTS_A_WORLD && this.report.violations.length === 0; cut++) {
      await this.#cutOnce(cut);
      const isLast = cut === CUTS_A_WORLD - 1 || this.report.cuts >= this.plan.cuts;
      if (this.report.violations.length === 0 && (isLast || cut % SETTLE_EVERY === SETTLE_EVERY - 1))
        await this.#settle();
      if (isLast) break;
    }
    this.report.drops += this.#files;
  }

  async end(): Promise<void> {
    const keep = process.env.KEEP_WORLD !== undefined;
    await this.#world.end({ keep });
    release(this.#base);
    if (!keep) rmSync(this.#base, { recursive: true, force: true });
  }

  /** Load until a random moment; then the cut, the remount, and the checks that hold at every moment. */
  async #cutOnce(cut: number): Promise<void> {
    const world = this.#world;
    this.#below = dice(`${this.#seed} cut ${cut}`);
    const kinds = this.#disks.map((): CutKind => (this.#below(2) === 0 ? 'nologflush' : 'logflush'));
    // A sync of the uploader's commits the journal for our renames too: most rounds have none while we run.
    const syncsUnderLoad = this.#below(4) === 0;
    const first = 10 + this.#below(60);
    const since = world.log.all.length;
    const args = ARGS[this.#below(ARGS.length)]!;
    this.#dropSome(first, () => this.#dice(2) === 0);
    const program = world.start('ingest', args, { env: this.plan.env ?? {} });
    const at = drawMoment(this.#below);
    let more = DROPS_A_ROUND;
    const isReached = () => world.log.all.slice(since).filter(({ event }) => event === at.event).length >= at.count;
    const hard = Date.now() + 15_000;
    while (!isReached() && Date.now() < hard && program.running) {
      const some = Math.min(more, this.#dice(4));
      this.#dropSome(some, () => syncsUnderLoad && this.#dice(3) === 0);
      more -= some;
      await pause(2 + this.#dice(6));
    }
    await pause(at.afterMs);
    for (const pid of [program.pid, ...program.descendants()]) signal(pid, 'SIGKILL');
    cutPower(this.#disks, kinds);
    await program.ended;
    await this.#remount();
    this.report.cuts++;
    for (const [i, { name, type }] of this.#disks.entries()) {
      const key = `${this.#layout} ${name} ${type} ${kinds[i]}`;
      this.report.by[key] = (this.report.by[key] ?? 0) + 1;
    }
    const where = `${this.#name}, cut ${cut} (${kinds.join(' ')}) ${at.afterMs} ms after ${at.count} ${at.event}, ${args.join(' ')}`;
    this.plan.tell?.(where);
    this.#lookAfterCut(where);
  }

  /** Mounts in another order each time: a reboot gives devices other numbers too. */
  async #remount(): Promise<void> {
    const first = this.#below(this.#disks.length);
    await remount([...this.#disks.slice(first), ...this.#disks.slice(0, first)]);
  }

  /** Acknowledged files are there; synced files are somewhere; no row or line claims too much. */
  #lookAfterCut(where: string): void {
    const told = this.#world.log.named('file_ingested').slice(this.#told);
    this.#told += told.length;
    for (const { warehouse_path, sha256 } of told) {
      this.report.acknowledged++;
      const what = `${warehouse_path} was logged as stored, and `;
      try {
        if (sha256Of(warehouse_path as string) === sha256) continue;
        this.#violated([{ kind: 'acknowledged_lost', what: `${what}has other bytes after the cut` }], where);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        this.#violated([{ kind: 'acknowledged_lost', what: `${what}is not there after the cut (${code})` }], where);
      }
    }
    settleUploads(this.#world, new Set(told.map(({ sha256, path }) => `${sha256} ${path}`)));
    // Half a line without its sync is the case that a redo handles.
    this.#violated(
      this.#world.differences({ settled: false }).filter(({ kind }) => kind !== 'torn_line'),
      where,
    );
  }

  /** Without faults now: everything arrives, and the oracle finds nothing. */
  async #settle(): Promise<void> {
    const where = `${this.#name}, settled after cut ${this.report.cuts}`;
    const program = this.#world.start('ingest', ['--once'], { env: this.plan.env ?? {} });
    const timer = setTimeout(() => program.killAll(), SETTLE_WITHIN_MS);
    const { code, stderr } = await program.ended.finally(() => clearTimeout(timer));
    this.#told = this.#world.log.named('file_ingested').length;
    this.report.settlements++;
    const found: { kind: string; what: string }[] = this.#world.differences();
    if (code !== 0 && found.length === 0)
      found.push({ kind: 'stuck', what: `--once ended with ${code}: ${stderr.slice(-500)}` });
    this.#violated(found, where);
  }

  #violated(found: readonly (Difference | { kind: string; what: string })[], where: string): void {
    const { violations } = this.report;
    for (const { kind, what } of found)
      violations.push({
        kind,
        what,
        where,
        evidence: violations.length < EVIDENCE_MAX ? evidenceOf(this.#world, what) : [],
      });
  }

  #dropSome(many: number, isSynced: () => boolean): void {
    for (; many > 0; many--) {
      const n = this.#files++;
      const kind = this.#dice(25);
      const world = this.#world;
      const name = `${this.#dice(4) === 0 ? `sub${this.#dice(3)}/` : ''}${n}.csv`;
      const content =
        kind === 0
          ? Buffer.from(`twin ${n >> 5} of ${this.#name}`)
          : world.content(kind === 1 ? 600_000 + this.#dice(1_000_000) : 1 + this.#dice(6_000));
      dropFile(world, name, content, isSynced());
    }
  }
}
