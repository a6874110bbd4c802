/** Checks disk and state against the model: after each verb by names, bytes and rows, and sometimes by the output of commands. */
import { dirname, join } from 'node:path';
import { shownName } from '../../src/linux/names.js';
import type { JobRow } from '../world/database.js';
import { manifestLines } from '../world/manifest.js';
import { rows } from '../world/row-rules.js';
import type { Survey } from '../world/survey.js';
import type { Found } from '../world/tree.js';
import { Differs, type Game } from './game.js';
import { isUnderWay, type Model } from './model.js';

/** A sidecar lies beside its file. */
const isFile = ({ path }: Found): boolean => !/(^|\/)[0-9A-Z]{26}\.ok~|\.ok$/.test(path) && !OUTPUT.test(path);

/** The one output of a file, in the warehouse or in failed/. */
const OUTPUT = /\.all(~\d+)?\.csv$/;

export function check(game: Game): void {
  const seen = game.survey();
  const { model, world, feed, contents, plan } = game;
  const { warehouse, manifests } = world.feed(feed);
  const kind = (digest: string): string => {
    const k = game.kindOf(digest);
    return k < 0 ? 'foreign' : `content ${k}`;
  };
  const lying = model.gens.filter(({ lies }) => lies).map(({ k, path }) => `${path}: content ${k}`);
  const foreign = [...model.foreign.keys()].map((path) => `${path}: foreign`);
  if (plan.chain) checkOutputs(game, seen);
  const there = seen.warehouse
    .filter(({ path }) => !OUTPUT.test(path))
    .map(({ path, sha256 }) => `${join(warehouse, shownName(path))}: ${kind(sha256)}`);
  same('the warehouse', there, [...lying, ...foreign]);
  const of = (found: Found[]) => found.filter(isFile).map(({ sha256 }) => kind(sha256));
  const drops = (is: (at: string) => boolean) => model.drops.filter(({ at }) => is(at)).map(({ k }) => `content ${k}`);
  same(
    'the input',
    of(seen.input),
    drops((at) => at === 'input'),
  );
  same(
    'underprocess/',
    of(seen.underprocess),
    drops((at) => at !== 'input' && isUnderWay(at as 'input')),
  );
  same('duplicates/', of(seen.duplicates), counted(model.duplicates));
  same('failed/', of(seen.failed), counted(model.failed));
  for (const torn of [...seen.lines.filter(({ record }) => !record), ...seen.tornCorrections])
    throw new Differs(`line ${torn.lineNo} of ${torn.file} is torn: ${torn.raw}`);
  const lines = seen.lines.map(({ record }) =>
    lineText(
      record!.ingest_id,
      contents.findIndex(({ sha256 }) => sha256 === record!.sha256),
      record!.generation ?? 1,
    ),
  );
  const expected = model.gens.flatMap(({ id, k, n, truth }) =>
    truth === 'carried' ? [] : lineText(id ?? 'no line', k, n),
  );
  same('the lines', lines, [...expected, ...lines.filter((text) => model.givenUp.has(text.split(' ')[0]!))]);
  const corrections = manifestLines(manifests, 'corrections.jsonl').map(({ record }) => record!.ingest_id);
  same('the corrections', corrections, [...model.corrected()]);
  held(model, seen.database?.jobs ?? []);
  rowsOf(game, seen);
}

/** The outputs of stored files exist, also if a consumer took the file. The outputs of a withdrawn line do not exist. */
function checkOutputs({ model, world, feed, contents }: Game, seen: Survey): void {
  const { warehouse } = world.feed(feed);
  const made = model.gens.filter(({ k, path }) => path !== undefined && contents[k]!.bytes.length > 0);
  const outputOf = ({ k, path }: (typeof made)[number]) => `${path!.replace(/\.csv$/, '.all.csv')}: content ${k}`;
  const is = (...truths: string[]) =>
    made.filter(({ truth, out }) => truths.includes(truth) && out === undefined).map(outputOf);
  const there = seen.warehouse
    .filter(({ path }) => OUTPUT.test(path))
    .map(
      ({ path, sha256 }) =>
        `${join(warehouse, shownName(path))}: content ${contents.findIndex((one) => one.sha256 === sha256)}`,
    );
  // Outputs that are on their way in, or out again.
  const may = made.filter(({ truth, out }) => truth === 'lined' || out !== undefined).map(outputOf);
  const must = is('stored', 'gone');
  same('the outputs', without(there, without(may, must)), must);
}

const lineText = (id: string, k: number, n: number): string => `${id} content ${k} generation ${n}`;

const counted = (of: Map<number, number>): string[] =>
  [...of].flatMap(([k, times]) => Array.from({ length: times }, () => `content ${k}`));

function same(what: string, seen: readonly string[], expected: readonly string[]): void {
  const [is, should] = [[...seen].sort(), [...expected].sort()];
  if (is.join('\n') === should.join('\n')) return;
  const lacks = without(should, is);
  const more = without(is, should);
  throw new Differs(
    `${what}: ${[...lacks.map((one) => `lacks ${one}`), ...more.map((one) => `has ${one} too many`)].join('; ')}`,
  );
}

function without(all: readonly string[], others: readonly string[]): string[] {
  const left = [...others];
  return all.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** After a restore or rebuild a hold may be over, and a job may be missing whose file has moved on. */
const VAGUE = new Set(['withdrawn_file_differs', 'sealed_file_missing']);

function held(model: Model, jobs: readonly JobRow[]): void {
  const codes = jobs.filter(({ state }) => state === 'held').map(({ hold_code }) => hold_code!);
  const expected = model.drops.flatMap(({ at, held: code }) => (isUnderWay(at) && code !== undefined ? [code] : []));
  const clear = codes.filter((code) => !VAGUE.has(code));
  // A job that a restored state still knows may be held as it was.
  const more = without(clear, expected);
  const unknown = without(
    more,
    model.ghosts.flatMap((code) => code ?? []),
  );
  same('the held ones', without(clear, without(more, unknown)), expected);
  const most = {
    withdrawn_file_differs: model.gens.filter(({ out }) => out !== undefined).length,
    sealed_file_missing: model.ghosts.length,
  };
  for (const [code, max] of Object.entries(most)) {
    const n = codes.filter((one) => one === code).length;
    if (n > max) throw new Differs(`${n} are held as ${code}, and ${max} may be`);
  }
}

/** The oracle's rules for rows: carriers that live, counters that match the lines, hashes that find their rows. */
function rowsOf({ model, contents }: Game, seen: Survey): void {
  if (!seen.database) return;
  const settled =
    !model.hasEnded &&
    model.underWay().length === 0 &&
    model.ghosts.length === 0 &&
    model.gens.every(({ out }) => out === undefined);
  const none = { dropped: [], bystanders: [], sidecars: new Set<never>(), taken: new Set<never>() };
  const digests = new Set(contents.map(({ sha256 }) => sha256));
  const sets = {
    held: new Set<string>(),
    discarded: digests,
    generations: new Map(),
    made: new Map(),
    withdrawn: digests,
  };
  const standing = seen.lines.filter(({ record }) => record && !seen.withdrawn.has(record.ingest_id));
  rows(seen.database, seen, standing, { ...none, ...sets, onDuplicate: 'archive', settled }, (name, what) => {
    // A learned or taken content has no file here.
    if (what.endsWith('is stored by the ledger alone')) return;
    throw new Differs(`${name}: ${what}`);
  });
}

/** The findings of `audit --hash` are exactly the acts of a consumer. */
export async function checkAudit(game: Game): Promise<void> {
  const { model } = game;
  const { code, out } = await game.ctl(['audit', '--hash', '--json']);
  const told = out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { kind?: string; at?: string; what?: string });
  const gone = new Set(model.gens.filter(({ truth }) => truth === 'gone').map(({ path }) => path));
  const paths = new Set([...gone, ...model.foreign.keys()]);
  const adopts = model.underWay().some(({ at, isSeen }) => at !== 'input' && !isSeen);
  const mayBe = new Set([...(model.ghosts.length > 0 ? ['sealed_file_missing'] : []), ...(adopts ? ['orphan'] : [])]);
  const unexpected = told.filter(({ kind, at }) => kind !== undefined && !paths.has(at!) && !mayBe.has(kind));
  if (unexpected.length > 0)
    throw new Differs(`audit: ${unexpected.map(({ kind, at, what }) => `${kind} ${at}: ${what}`).join('; ')}`);
  if (code !== 0 && told.length <= 1) throw new Differs(`audit ends with ${code} and reports nothing`);
}

/** `explain` agrees with the model for each path and name. */
export async function checkExplain(game: Game): Promise<void> {
  const { model, world, feed } = game;
  for (const path of new Set(model.gens.flatMap(({ path: one }) => one ?? []))) {
    const gens = model.gens.filter((gen) => gen.path === path);
    if (gens.some(model.mayBePruned)) continue;
    const truths = new Set(gens.map(({ truth }) => (truth === 'gone' ? 'stored' : truth)));
    const said = await verdicts(game, path);
    for (const word of ['stored', 'withdrawn'] as const)
      if (truths.has(word) !== said.includes(word) && !truths.has('lined'))
        throw new Differs(`explain ${path} says ${said.join(', ')}, and it is ${[...truths].join(', ')}`);
  }
  const { input } = world.feed(feed);
  for (const name of new Set(model.drops.map((drop) => drop.name))) {
    const newest = model.drops.filter((drop) => drop.name === name).at(-1)!;
    if (newest.vague || newest.bornMs === undefined || newest.bornMs < model.prunedBeforeMs) continue;
    const said = await verdicts(game, join(input, name));
    // Any of several twins may have carried the content; the others are its duplicates.
    const carried = model.gens.some(({ k, origin }) => k === newest.k && origin === name);
    const wanted = newest.held !== undefined ? 'held' : carried ? undefined : newest.at;
    if ((wanted === 'held' || wanted === 'duplicate' || wanted === 'discarded') && !said.includes(wanted))
      throw new Differs(`explain ${name} says ${said.join(', ')}, and its newest is ${wanted}`);
  }
}

async function verdicts(game: Game, path: string): Promise<string[]> {
  const { code, out, err } = await game.ctl(['explain', path, '--json']);
  if (code !== 0) throw new Differs(`explain ${path} ends with ${code}: ${err}`);
  const { found } = JSON.parse(out) as { found: { verdict: string }[] };
  return found.map(({ verdict }) => verdict);
}

/** The hours that have their marker, with the bytes of their lines. Nothing may be added to them. */
export function closedHours(game: Game): Map<string, string> {
  const { manifests } = game.world.feed(game.feed);
  if (!game.model.markers) return new Map();
  const byHour = new Map<string, string>();
  for (const { file, raw } of game.lines()) {
    const hour = dirname(file);
    byHour.set(hour, `${byHour.get(hour) ?? ''}${raw}\n`);
  }
  return new Map([...byHour].filter(([hour]) => game.isMarked(join(manifests, hour))));
}
