/**
 * A hostile uploader: swaps files and directories for symlinks, keeps hard links and writes through them after the seal,
 * leaves FIFOs, sparse bombs and thousands of empty files, takes leases on its own files, names files to break logs, and
 * renames the work directory away. Beside it an honest one, whose files all arrive.
 * Guarantees: what lies outside is neither read into the warehouse nor changed; every line holds; nobody dies of it.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { shownName } from '../../src/linux/names.js';
import { sha256 } from '../world/dropping.js';
import { workDirOf } from '../world/layout.js';
import { Program } from '../world/program.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import { AT_ONCE, adversary } from './adversary-world.js';
import { compileRacers } from './mutants-racers.js';
import type { Found } from './mutants-world.js';

const ROUNDS = 40;
const EMPTY = 100_000;
/** Longer than the kernel's lease-break-time. */
const LEASE_SECONDS = 60;
const PATIENT = { withinMs: 120_000, everyMs: 1_000 };
const SECRET = 'what lies outside is nobody’s to read\n';
const NAMES = [
  'line\nbreak.csv',
  '\u001b[2Jscreen.csv',
  '%s%n%00.csv',
  '"quoted", {"a":1}.csv',
  '-rf.csv',
  '~.csv',
  `${'ü'.repeat(120)}.csv`,
];

const OPTIONS = { ...AT_ONCE, maxBytes: 50_000_000 };

export const hostile = adversary('a hostile uploader', { options: OPTIONS }, async (world, { full, env }, report) => {
  const outside = join(world.root, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret.csv'), SECRET);
  world.start('ingest', [], { env: env ?? {} });
  await world.event('worker_started', (e) => String(e.worker).startsWith('worker'), PATIENT);
  const rounds = full ? ROUNDS : 6;
  const empty = full ? EMPTY : 1_000;
  try {
    const leases = leaseholder(world, full ? LEASE_SECONDS : 2);
    for (let n = 0; n < rounds; n++) await attack(world, outside, n);
    for (let n = empty; n > 0; n--) writeFileSync(join(world.input, `empty-${n}.csv`), '');
    await leases;
    world.drop('last.csv', 100, { how: 'rename' });
    await settled(world);
    await world.stop();
  } finally {
    defuse(world);
  }
  report.figures = { 'rounds of tricks': rounds, 'empty files': empty, 'honest files': world.dropped.length };
  report.violations.push(...broken(world), ...outsideTouched(world, outside));
});

/** The honest files are stored, of the others each is done or held. */
async function settled(world: World): Promise<void> {
  const waits = () => {
    const jobs = world.jobs();
    const done = new Set(jobs.flatMap(({ key, state }) => (state === 'done' ? [key] : [])));
    const late = world.dropped.filter(({ name }) => !done.has(name)).map(({ name }) => shownName(name));
    return [...late, ...jobs.filter(({ state }) => !/^(done|held)$/.test(state)).map((job) => JSON.stringify(job))];
  };
  const soFar = () => waits().slice(0, 3).join(', ');
  await until('honest files are stored, nothing is under way', () => waits().length === 0, { ...PATIENT, soFar });
}

/** Holds write leases on files of its own, and lets the break time pass. */
function leaseholder(world: World, seconds: number): Promise<unknown> {
  const program = compileRacers(world.root);
  if (program === undefined) return Promise.resolve();
  return new Program(program, ['lease', String(seconds), '7'], undefined, { cwd: world.input }).ended;
}

async function attack(world: World, outside: string, n: number): Promise<void> {
  const here = (name: string) => join(world.input, name);
  const secret = join(outside, 'secret.csv');
  world.drop(`honest-${n}.csv`, 500, { how: 'rename' });
  writeFileSync(here(`swapped-${n}.csv`), `to be swapped ${n} of ${world.root}`);
  symlinkSync(secret, here(`.swap-${n}`));
  renameSync(here(`.swap-${n}`), here(`swapped-${n}.csv`));
  mkdirSync(here(`folder-${n}`));
  writeFileSync(here(`folder-${n}/secret.csv`), `in a folder ${n} of ${world.root}`);
  renameSync(here(`folder-${n}`), join(outside, `folder-${n}`));
  symlinkSync(outside, here(`folder-${n}`));
  const link = join(outside, `link-${n}.csv`);
  writeFileSync(link, `before ${n} of ${world.root}`);
  linkSync(link, here(`linked-${n}.csv`));
  execFileSync('mkfifo', [here(`fifo-${n}.csv`)]);
  writeFileSync(here('.bomb'), '');
  truncateSync(here('.bomb'), 2 ** 40);
  renameSync(here('.bomb'), here(`bomb-${n}.csv`));
  world.drop(`${n} ${NAMES[n % NAMES.length]}`, 50, { how: 'rename' });
  await pause(20);
  writeFileSync(link, `after the seal ${n}`);
  if (n % 10 !== 5) return;
  const work = workDirOf(world.feed());
  renameSync(work, `${work}.away`);
  await pause(300);
  if (existsSync(work)) throw new Error('the work directory was made anew beside the one that was renamed away');
  renameSync(`${work}.away`, work);
}

/** A terabyte of nothing each: nobody wants to compare these. */
function defuse(world: World): void {
  for (const name of readdirSync(world.input)) if (/^bomb-/.test(name)) truncateSync(join(world.input, name), 0);
}

/** Of whatever was made of the hostile files: the lines hold; of the honest ones: nothing is lost. */
function broken(world: World): Found[] {
  const kinds = ['lost', 'twice', 'line_without_file', 'file_without_line', 'two_lines', 'torn_line'];
  const differences = world
    .differences()
    .filter(
      ({ kind, what }) => kinds.includes(kind) || (kind === 'wrong_bytes' && /not what its line says/.test(what)),
    );
  const died = ['worker_lost', 'bug'].flatMap((event) =>
    world.log.named(event).map((e) => ({ kind: 'killed', what: JSON.stringify(e) })),
  );
  return [...differences, ...died];
}

function outsideTouched(world: World, outside: string): Found[] {
  const found: Found[] = [];
  if (readFileSync(join(outside, 'secret.csv'), 'utf8') !== SECRET)
    found.push({ kind: 'foreign_changed', what: 'a file outside was changed' });
  if (world.warehouse().some((file) => file.sha256 === sha256(SECRET)))
    found.push({ kind: 'outside_read', what: 'a file outside was stored through a symlink' });
  return found;
}
