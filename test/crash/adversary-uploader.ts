/**
 * A hostile uploader, as the same user, against a running ingestor: nothing outside is read or written, nothing is lost or
 * stored twice, the log stays one JSON object a line without a character that acts, and every file that is not stored has
 * a reason by `ingest-ctl explain`.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { shownName } from '../../src/linux/names.js';
import { heldKeys, underWay } from '../world/database.js';
import { sha256 } from '../world/dropping.js';
import { workDirOf } from '../world/layout.js';
import type { Survey } from '../world/survey.js';
import { files } from '../world/tree.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';
import type { AdversaryPlan, AdversaryReport } from './adversary.js';
import { DECOYS, MAX_BYTES, NAMES, SECRETS, Uploader } from './adversary-uploader-acts.js';
import { adversary, allIn, namesLeft } from './adversary-world.js';
import { dice } from './dice.js';
import type { Found } from './mutants-world.js';

const OPTIONS = { stabilitySeconds: 0.2, quietMs: 0, workers: 'all=2', maxBytes: MAX_BYTES };
/** The number of files that were not stored and are asked about: each question costs a process. */
const ASKED = 8;
/** Characters that end a line, move a cursor or turn the writing direction. */
const ACTING = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

export const uploader = adversary('hostile uploader', { options: OPTIONS }, async (world, plan, report) => {
  report.violations.push(...(await attack(world, plan, report)));
});

async function attack(world: World, plan: AdversaryPlan, report: AdversaryReport): Promise<Found[]> {
  const hostile = new Uploader(world);
  const before = hostile.outsideNow();
  const ingest = world.start('ingest', [], { env: plan.env ?? {} });
  await until('all are ready', () => world.log.named('worker_started').length === 3, { withinMs: 240_000 });
  // Enough for each kind of act to meet each kind of moment; most of the time is pauses.
  const [rounds, empties] = plan.full ? [120, 100_000] : [10, 800];
  const below = dice(`${plan.seed} uploader`);
  for (const name of NAMES) world.drop(name, 100);
  for (let n = 0; n < rounds; n++) await round(hostile, n, Math.ceil(empties / rounds), below);
  hostile.giveLeasesBack();
  for (let n = 0; n < rounds; n += 16) hostile.defuse(n);
  linksWritten(hostile);
  await allIn(
    world,
    () => isEnd(world, hostile),
    () => soFar(world, hostile),
  );
  const silent = [
    ...(await withoutReason(world)),
    ...(await terminalBroken(world, plan.full ? NAMES : NAMES.slice(0, 3))),
  ];
  const held = world.jobs().filter(({ state }) => state === 'held');
  for (const digests of hostile.links.values()) for (const digest of digests) world.held.add(digest);
  await ingest.stop(120_000);
  await world.runOnce([], { code: held.length > 0 ? 4 : 0, env: plan.env ?? {} });

  const seen = world.survey();
  const found: Found[] = [...linksLost(seen, hostile), ...silent];
  if (JSON.stringify(hostile.outsideNow()) !== JSON.stringify(before) || strangers(hostile).length > 0)
    found.push({ kind: 'foreign_changed', what: `outside there is now ${strangers(hostile)} ${hostile.outsideNow()}` });
  found.push(...secretsStored(seen), ...logBroken(world), ...world.differences());
  const warehouse = new Map(files(world.feed().warehouse).map((file) => [file.path, file.sha256]));
  for (let n = 0; n < rounds; n++) hostile.writeThroughLink(n);
  const changed = files(world.feed().warehouse).filter(({ path, sha256: digest }) => warehouse.get(path) !== digest);
  found.push(...changed.map(({ path }) => ({ kind: 'wrong_bytes', what: `${path} was written through a link` })));
  report.figures = {
    rounds,
    'files dropped': world.dropped.length,
    stored: seen.warehouse.length,
    duplicates: seen.duplicates.length,
    held: held.length,
    'closed gates': world.log.named('gate_closed').length,
    'log lines': world.programs.reduce((sum, { lines }) => sum + lines.length, 0),
    'asked of explain': world.programs.filter(({ command }) => command === 'ingest-ctl').length,
  };
  return found;
}

/** One act of every kind. Swaps are undone after a moment that the seed chooses. */
async function round(hostile: Uploader, n: number, empties: number, below: (limit: number) => number): Promise<void> {
  hostile.swapFile(n);
  hostile.swapDirectory(n);
  hostile.keepLink(n);
  hostile.lease(n);
  if (n % 8 === 0) hostile.layFifo(n);
  if (n % 8 === 0) hostile.bomb(n);
  for (let i = 0; i < empties; i++) hostile.empty(n * empties + i);
  if (n % 8 === 5) hostile.takeWorkDirectory();
  await pause(below(500));
  hostile.swapFileBack(n);
  hostile.swapDirectoryBack(n);
  if (below(2) === 0) hostile.writeThroughLink(n);
  await pause(below(200));
  if (n % 8 === 5) await gateClosed(hostile, n);
  hostile.bringWorkDirectoryBack();
  if (n % 4 === 3) hostile.giveLeasesBack();
}

/** The place is gone until that is noticed. */
async function gateClosed({ world }: Uploader, n: number): Promise<void> {
  const closed = world.log.named('gate_closed').length;
  world.drop(`meanwhile-${n}.csv`, 100);
  const isSeen = () => world.log.named('gate_closed').length > closed;
  await until('the missing folder is noticed', isSeen, { withinMs: 3_000 }).catch(() => {});
}

/** The content of a link counts as dropped in the state that was stored: before the write, or after it. */
function linksWritten({ world, links }: Uploader): void {
  for (const [kept, digests] of links)
    for (const digest of new Set(digests))
      world.dropped.push({
        feed: 'default',
        name: join('link', kept) as never,
        sha256: digest,
        bytes: 2_000,
        optional: true,
      });
}

function linksLost({ warehouse, underprocess, input, failed }: Survey, { links }: Uploader): Found[] {
  const there = new Set([...warehouse, ...underprocess, ...input, ...failed].map((file) => file.sha256));
  const lost = [...links].filter(([, digests]) => !digests.some((digest) => there.has(digest)));
  return lost.map(([kept]) => ({ kind: 'lost', what: `no state of the file that ${kept} is a link to is anywhere` }));
}

/** Files in the input that have no job and that are not known to stay. */
const unexplained = (world: World, { stays }: Uploader, left = namesLeft(world)): string[] => {
  const held = new Set<string>([...heldKeys(world.statePath, world.feed().name), ...stays]);
  return left.filter((path) => !held.has(path));
};

/** The input is read first, then the jobs: a file that has left the input is seen among the jobs. */
function isEnd(world: World, hostile: Uploader): boolean {
  const left = namesLeft(world);
  return underWay(world.statePath, world.feed().name) === 0 && unexplained(world, hostile, left).length === 0;
}

/** For the sentence of a wait that failed. */
function soFar(world: World, hostile: Uploader): string {
  const jobs = world.jobs().filter(({ state }) => state !== 'done' && state !== 'held');
  const told = jobs.slice(0, 5).map(({ key, stage, state, payload }) => ({ key, stage, state, payload }));
  return `${jobs.length} jobs ${JSON.stringify(told)}, in the input ${JSON.stringify(unexplained(world, hostile).slice(0, 9))}`;
}

/** Asks explain about every file that was not stored. */
async function withoutReason(world: World): Promise<Found[]> {
  const found: Found[] = [];
  const { input, underprocess } = world.survey();
  for (const { sha256: digest } of underprocess) world.held.add(digest);
  const held = world.jobs().filter(({ state }) => state === 'held');
  const places = [
    ...input.map(({ path }) => join(world.input, path)),
    ...underprocess.map(({ path }) => join(workDirOf(world.feed()), 'underprocess', path)),
  ];
  const every = Math.ceil(places.length / ASKED);
  for (const place of places.filter((_, n) => n % every === 0)) {
    const asked = await world.run('ingest-ctl', ['explain', Buffer.from(place, 'latin1').toString('utf8'), '--json']);
    const answer =
      asked.code === 0
        ? (JSON.parse(asked.stdout) as { found: { verdict: string; sentences: string[] }[] })
        : undefined;
    const { verdict, sentences } = answer?.found[0] ?? { verdict: `exit ${asked.code}`, sentences: [] };
    if (sentences.length === 0 || verdict === 'unknown')
      found.push({ kind: 'unexplained', what: `${place}: ${verdict} ${asked.stderr.slice(0, 200)}` });
  }
  for (const { id, hold_code } of held)
    if (!hold_code) found.push({ kind: 'unexplained', what: `${id} is held for no reason` });
  const keys = new Set<string>(held.map(({ key }) => key));
  for (const { path, sha256: digest } of input) if (keys.has(path)) world.held.add(digest);
  return found;
}

/** Checks the output for such a name at a terminal. */
async function terminalBroken(world: World, names: readonly (string | Buffer)[]): Promise<Found[]> {
  const asked = [['held'], ...names.filter((name) => typeof name === 'string').map((name) => ['explain', name])];
  const found: Found[] = [];
  for (const [verb, name] of asked) {
    const place = name === undefined ? [] : [join(world.input, name)];
    const { code, stdout, stderr } = await world.run('ingest-ctl', [verb!, ...place]);
    const broken = `${stdout}\n${stderr}`.split('\n').find((line) => ACTING.test(line));
    // A name that was refused or is gone is unknown: exit code 4 says so.
    if (broken !== undefined || (code !== 0 && code !== 4 && verb === 'explain'))
      found.push({
        kind: 'terminal',
        what: `${verb} ${JSON.stringify(name)} says ${JSON.stringify(broken ?? stderr)}`,
      });
  }
  return found;
}

const strangers = ({ outside }: Uploader): string[] =>
  (readdirSync(outside, { recursive: true }) as string[]).filter(
    (name) => !([...SECRETS, ...DECOYS] as string[]).includes(name) && !name.startsWith('kept'),
  );

function secretsStored({ warehouse, duplicates, failed, underprocess }: Survey): Found[] {
  const secrets = new Set(SECRETS.map((name) => sha256(`secret ${name}`)));
  const all = [...warehouse, ...duplicates, ...failed, ...underprocess];
  const read = all.filter(({ sha256: digest }) => secrets.has(digest));
  return read.map(({ path }) => ({ kind: 'foreign_read', what: `${shownName(path)} holds what lies outside` }));
}

function logBroken(world: World): Found[] {
  const found: Found[] = [];
  for (const program of world.programs.filter(({ command }) => command === 'ingest'))
    for (const line of program.lines) {
      try {
        JSON.parse(line);
        if (ACTING.test(line))
          found.push({ kind: 'log', what: `a character that acts: ${JSON.stringify(line.slice(0, 300))}` });
      } catch {
        if (line.startsWith('{') || !line.startsWith('ingest'))
          found.push({ kind: 'log', what: `no object: ${JSON.stringify(line.slice(0, 300))}` });
      }
    }
  return found;
}
