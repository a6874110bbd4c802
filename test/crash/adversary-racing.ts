/**
 * Racing writers: files that go on being written while they are sealed, through write, a mapping, O_APPEND, truncation and
 * I/O after a rename. The same writers run before and after without the ingestor, for the slowest open among them.
 * Guarantees: every stored byte is compared with its line and with what a writer says it wrote.
 * Does not: count what a call by path fails with after a whole quiet window, which the README names; these writers make none.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shownName } from '../../src/linux/names.js';
import { PACKAGE, Program } from '../world/program.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import { fnv } from '../world/writers.js';
import { type Adversary, type AdversaryPlan, type AdversaryReport, nothingYet } from './adversary.js';
import { AT_ONCE, inWorldOf } from './adversary-world.js';
import type { Found } from './mutants-world.js';

const KINDS = ['write', 'map', 'rename', 'append', 'truncate'] as const;
const LINE = 32;
/** So much longer than the slowest open of the same writers without the ingestor. */
const DELAY_MS = 10;

/** What the writers of one directory said. */
interface Written {
  /** By name: the checksums of its versions; with `last`, the one that must be kept. */
  versions: Map<string, { sums: Set<number>; last: number }>;
  /** By name: how many lines were appended. */
  lines: Map<string, number>;
  failed: string[];
  opens: number;
  slowestMs: number;
  /** Of opens that slept: the others were at most kept from their processor. */
  waited: number;
  slowestWaitMs: number;
  /** Of opens that create or cut, which may wait for the filesystem's journal. */
  slowestCreateMs: number;
}

export const racing: Adversary = {
  name: 'racing writers',
  async run(plan) {
    const report = nothingYet();
    // In memory nobody waits for a disk, and an open that takes long waited for a lease.
    const grounds = [tmpdir(), ...(inMemory() ? ['/dev/shm'] : [])];
    for (const ground of grounds)
      await raceOn(ground, Math.round((plan.full ? 2_000 : 80) / grounds.length), plan, report);
    if (grounds.length === 1)
      report.notTested.push('/dev/shm is not to be written to: racing writers without a disk were not tested.');
    return report;
  },
};

async function raceOn(ground: string, each: number, plan: AdversaryPlan, report: AdversaryReport): Promise<void> {
  const options = { ...AT_ONCE, concurrency: 2 };
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
  const writer = compiled(world.root);
  if (writer === undefined) {
    report.notTested.push('There is no gcc: racing writers were not tested.');
    return [];
  }
  const alone = (when: string) => writersIn(join(world.root, `alone ${when}`), writer, each, plan.seed);
  const undisturbed = [await alone('before')];
  const ingest = world.start('ingest', [], { env: plan.env ?? {} });
  await until('all are ready', () => world.log.named('worker_started').length === 3, { withinMs: 60_000 });
  const written = await writersIn(world.input, writer, each, plan.seed);
  await world.allDone({ withinMs: 120_000 });
  await ingest.stop(60_000);
  await world.runOnce([], { env: plan.env ?? {} });
  undisturbed.push(await alone('after'));
  tell(report, where, written, undisturbed, world);
  return compare(world, written);
}

function tell(
  report: AdversaryReport,
  where: string,
  written: Written,
  undisturbed: readonly Written[],
  world: World,
): void {
  const slowest = (of: (one: Written) => number) => Math.max(...undisturbed.map(of));
  const { slowestMs, waited, slowestWaitMs, slowestCreateMs } = written;
  const withoutMs = slowest((one) => one.slowestMs);
  report.figures[`files ${where}`] = written.versions.size + written.lines.size;
  report.figures[`versions stored ${where}`] = world.warehouse().length;
  report.figures[`jobs that met a writer ${where}`] = world
    .jobs()
    .filter(({ payload }) => payload.refusals !== undefined).length;
  report.figures[`opens ${where}`] = written.opens;
  report.figures[`slowest open ${where}`] = `${slowestMs} ms with, ${withoutMs} ms without the ingestor`;
  report.figures[`slowest open of ${waited} that waited ${where}`] =
    `${slowestWaitMs} ms with, ${slowest((one) => one.slowestWaitMs)} ms without`;
  report.figures[`slowest open that creates or cuts ${where}`] =
    `${slowestCreateMs} ms with, ${slowest((one) => one.slowestCreateMs)} ms without`;
  if (slowestWaitMs > withoutMs + DELAY_MS)
    report.violations.push({
      kind: 'writer_disturbed',
      what: `an open waited ${slowestWaitMs} ms, ${withoutMs} ms was the slowest without us ${where}`,
    });
}

async function writersIn(directory: string, program: string, each: number, seed: string): Promise<Written> {
  mkdirSync(directory, { recursive: true });
  const runs = KINDS.map(
    (kind) => new Program(program, [kind, String(each), seed], undefined, { cwd: directory }).ended,
  );
  const told: Written = {
    versions: new Map(),
    lines: new Map(),
    failed: [],
    opens: 0,
    slowestMs: 0,
    waited: 0,
    slowestWaitMs: 0,
    slowestCreateMs: 0,
  };
  for (const { code, stdout } of await Promise.all(runs)) {
    if (code !== 0) throw new Error(`a writer ended with ${code}`);
    for (const line of stdout.trim().split('\n')) hear(line, told);
  }
  return told;
}

function hear(line: string, told: Written): void {
  const [word, name = '', a, b, c, d, e] = line.split(' ');
  if (word === 'failed') told.failed.push(line);
  else if (word === 'lines') told.lines.set(name, Number(a));
  else if (word === 'whole' || word === 'version') {
    const versions = told.versions.get(name) ?? { sums: new Set(), last: 0 };
    versions.sums.add(Number(a));
    versions.last = Number(a);
    told.versions.set(name, versions);
  } else if (word === 'opens') {
    told.opens += Number(name) + Number(d);
    told.slowestMs = Math.max(told.slowestMs, Number(a));
    told.waited += Number(b);
    told.slowestWaitMs = Math.max(told.slowestWaitMs, Number(c));
    told.slowestCreateMs = Math.max(told.slowestCreateMs, Number(e));
  }
}

/** Every version that is stored was written so and closed; every last one and every line is stored. */
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

function compiled(folder: string): string | undefined {
  const program = join(folder, 'adversary-writers');
  const source = join(PACKAGE, 'test', 'crash', 'adversary-writers.c');
  const made = spawnSync('gcc', ['-O1', '-Wall', '-o', program, source], { encoding: 'utf8' });
  if (made.error) return undefined;
  if (made.status !== 0) throw new Error(made.stderr);
  return program;
}

function inMemory(): boolean {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
