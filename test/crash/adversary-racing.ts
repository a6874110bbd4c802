/**
 * Racing writers: files that go on being written while they are sealed, through write, a mapping, O_APPEND, truncation and
 * I/O after a rename, and whole ones that are opened again and again during their seals. The same writers run without the
 * ingestor, by themselves before it and beside it under the same load, for the slowest open among them.
 * Guarantees: every stored byte is compared with its line and with what a writer says it wrote.
 * Does not: count what a call by path fails with after a whole quiet window, which docs/guarantees.md names; these writers make no such call.
 */
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shownName } from '../../src/linux/names.js';
import { until } from '../world/waiting.js';
import { withoutNoReplace } from '../world/without-noreplace.js';
import type { World } from '../world/world.js';
import { fnv } from '../world/writers.js';
import { type Adversary, type AdversaryPlan, type AdversaryReport, nothingYet } from './adversary.js';
import { compileWriters, type Written, writersIn } from './adversary-racing-writers.js';
import { AT_ONCE, inWorldOf } from './adversary-world.js';
import type { Found } from './mutants-world.js';

const LINE = 32;
/** The allowed difference from the slowest open of the same writers without the ingestor. */
const DELAY_MS = 10;

export const racing: Adversary = {
  name: 'racing writers',
  async run(plan) {
    const report = nothingYet();
    // In memory no open waits for a disk: a slow open waited for a lease.
    const grounds = [tmpdir(), ...(inMemory() ? ['/dev/shm'] : [])];
    for (const ground of grounds)
      await raceOn(ground, Math.round((plan.full ? 2_000 : 50) / grounds.length), plan, report);
    if (grounds.length === 1)
      report.notTested.push('/dev/shm is not to be written to: racing writers without a disk were not tested.');
    return report;
  },
};

/** The same writers where no filesystem knows RENAME_NOREPLACE: the way of the folders and links (src/ingest/files/take.ts). */
export const racingByLinks: Adversary = {
  name: 'racing writers without RENAME_NOREPLACE',
  async run(plan) {
    const folder = mkdtempSync(join(tmpdir(), 'ingest-links-'));
    try {
      const library = withoutNoReplace(folder);
      if (library !== undefined) return await racing.run({ ...plan, env: { ...plan.env, LD_PRELOAD: library } });
      const report = nothingYet();
      report.notTested.push('There is no gcc: racing writers without RENAME_NOREPLACE were not tested.');
      return report;
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

async function raceOn(ground: string, each: number, plan: AdversaryPlan, report: AdversaryReport): Promise<void> {
  const options = { ...AT_ONCE, workers: 'all=2' };
  await inWorldOf({ seed: plan.seed, ground, options }, report, async (world) => {
    const found = await race(world, `on ${ground}`, each, plan, report);
    const where = `seed ${plan.seed} on ${ground}`;
    report.violations.push(...found.map(({ kind, what }) => ({ kind, what: `${what}; ${where}` })));
  });
}

async function race(
  world: World,
  where: string,
  each: number,
  plan: AdversaryPlan,
  report: AdversaryReport,
): Promise<Found[]> {
  const writer = compileWriters(world.root);
  if (writer === undefined) {
    report.notTested.push('There is no gcc: racing writers were not tested.');
    return [];
  }
  const run = (directory: string) => writersIn(directory, writer, each, plan.seed);
  const before = await run(join(world.root, 'alone before'));
  const ingest = world.start('ingest', [], { env: plan.env ?? {} });
  await until('all are ready', () => world.log.named('worker_started').length === 3, { withinMs: 240_000 });
  // At the same time: other work of this machine slows both down.
  const [written, beside] = await Promise.all([run(world.input), run(join(world.root, 'alone beside'))]);
  const undisturbed = [before, beside];
  await world.allDone({ withinMs: 240_000 });
  await ingest.stop(120_000);
  await world.runOnce([], { env: plan.env ?? {} });
  tell(report, where, written, undisturbed, world);
  return [...compare(world, written), ...(plan.full ? delayed(written, undisturbed, where) : [])];
}

function tell(
  report: AdversaryReport,
  where: string,
  written: Written,
  undisturbed: readonly Written[],
  world: World,
): void {
  const each = (of: (one: Written) => number, unit = ' ms') =>
    `${of(written)}${unit} with, ${undisturbed.map(of).join(' and ')}${unit} without the ingestor`;
  const figures: AdversaryReport['figures'] = {
    files: written.versions.size + written.lines.size,
    'versions stored': world.warehouse().length,
    'jobs that met a writer': world.jobs().filter(({ payload }) => payload.refusals !== undefined).length,
    opens: written.opens,
    'of these of whole files before their seals': written.knocks,
    'whole files opened until their seal took the name away': written.gone,
    'opens that waited': written.waited,
    'slowest open': each((one) => one.slowestMs),
    'opens of over 10 ms': each((one) => one.over, ''),
    'slowest open that waited': each((one) => one.slowestWaitMs),
    'slowest open that creates or cuts': each((one) => one.slowestCreateMs),
  };
  for (const [what, figure] of Object.entries(figures)) report.figures[`${what} ${where}`] = figure;
}

/** An open that did not sleep only waited for a processor, and both sides do that. */
function delayed({ slowestWaitMs }: Written, undisturbed: readonly Written[], where: string): Found[] {
  const withoutMs = Math.max(...undisturbed.map(({ slowestMs }) => slowestMs));
  if (slowestWaitMs <= withoutMs + DELAY_MS) return [];
  const what = `an open waited ${slowestWaitMs} ms, ${withoutMs} ms was the slowest without us ${where}`;
  return [{ kind: 'writer_disturbed', what }];
}

/** Every stored version was written and closed like that; every last version and every line is stored. */
function compare(world: World, written: Written): Found[] {
  const found: Found[] = written.failed.map((what) => ({ kind: 'writer_disturbed', what }));
  const seen = new Map<string, Set<number>>();
  const lines = new Map<string, number>();
  for (const { path, sha256, size } of world.warehouse()) {
    const bytes = readFileSync(join(world.feed().warehouse, shownName(path)));
    const name = /\/(?:early-)?([a-z]+\d+)(?:~\d+)?\.csv$/.exec(path)?.[1]?.concat('.csv') ?? path;
    const known = written.versions.get(name)?.sums.has(fnv(bytes)) || areLines(bytes, name, lines);
    if (!known) found.push({ kind: 'wrong_bytes', what: `${path} holds what no writer left in ${name}` });
    else world.dropped.push({ feed: 'default', name: path, sha256, bytes: size, optional: false });
    seen.set(name, (seen.get(name) ?? new Set()).add(fnv(bytes)));
  }
  for (const [name, { last }] of written.versions)
    if (!seen.get(name)?.has(last)) found.push({ kind: 'lost', what: `the last version of ${name}` });
  for (const [name, count] of written.lines)
    for (let n = 0; n < count; n++) {
      const times = lines.get(`${name} ${n}`) ?? 0;
      if (times !== 1) found.push({ kind: times === 0 ? 'lost' : 'twice', what: `line ${n} of ${name}` });
    }
  return [...found, ...world.differences()];
}

/** Counts the lines of a file that was only appended to. */
function areLines(bytes: Buffer, name: string, lines: Map<string, number>): boolean {
  const all = bytes.toString('latin1').match(/.{31}\n/gsy) ?? [];
  if (all.length * LINE !== bytes.length || bytes.length === 0 || !all.every((line) => line.startsWith(`${name} `)))
    return false;
  for (const line of all) {
    const key = `${name} ${Number(line.slice(name.length + 1))}`;
    lines.set(key, (lines.get(key) ?? 0) + 1);
  }
  return true;
}

function inMemory(): boolean {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
