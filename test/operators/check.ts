/** Checks disk and state against the model: after each verb by names, bytes and rows, and sometimes by the output of commands. */
import { dirname, join } from 'node:path';
import { shownName } from '../../src/linux/names.js';
import type { JobRow } from '../world/database.js';
import { manifestLines } from '../world/manifest.js';
import { rows } from '../world/row-rules.js';
import type { Survey } from '../world/survey.js';
import type { Found } from '../world/tree.js';
import { Differs, type Game } from './game.js';
import { type Generation, isUnderWay, type Model, outputOf } from './model.js';

/** A sidecar lies beside its file. */
const isFile = ({ path }: Found): boolean => !/(^|\/)[0-9A-Z]{26}\.ok~|\.ok$/.test(path) && !OUTPUT.test(path);

/** The one output of a file, in the warehouse or in failed/. */
const OUTPUT = /\.all(~\d+)?\.csv$/;

export function check(game: Game): void {
  game.each(() => checkFeed(game));
}

function kindIn(game: Game, digest: string): string {
  const k = game.kindOf(digest);
  return k < 0 ? 'foreign' : `content ${k}`;
}

/** The generations of all feeds that share the warehouse of this one. */
function gensOfWarehouse({ world, feed, sides }: Game): Generation[] {
  const { warehouse } = world.feed(feed);
  return sides.flatMap((side) => (world.feed(side.feed).warehouse === warehouse ? side.model.gens : []));
}

function checkWarehouse(game: Game, seen: Survey): void {
  const { warehouse } = game.world.feed(game.feed);
  const lying = gensOfWarehouse(game)
    .filter(({ lies }) => lies)
    .map(({ k, path }) => `${path}: content ${k}`);
  const foreign = [...game.model.foreign.keys()].map((path) => `${path}: foreign`);
  const there = seen.warehouse
    .filter(({ path }) => !OUTPUT.test(path))
    .map(({ path, sha256 }) => `${join(warehouse, shownName(path))}: ${kindIn(game, sha256)}`);
  same('the warehouse', there, [...lying, ...foreign]);
}

function checkFeed(game: Game): void {
  const seen = game.survey();
  const { model, world, feed, contents, plan } = game;
  const { manifests } = world.feed(feed);
  const kind = (digest: string): string => kindIn(game, digest);
  if (plan.chain) checkOutputs(game, seen);
  checkWarehouse(game, seen);
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

/** Outputs stay until a consumer takes them, or until their line is taken back. */
function checkOutputs(game: Game, seen: Survey): void {
  const { world, feed, contents } = game;
  const { warehouse } = world.feed(feed);
  const made = gensOfWarehouse(game).filter(({ k, path }) => path !== undefined && contents[k]!.bytes.length > 0);
  const text = (gen: Generation) => `${outputOf(gen)}: content ${gen.k}`;
  const there = seen.warehouse
    .filter(({ path }) => OUTPUT.test(path))
    .map(
      ({ path, sha256 }) =>
        `${join(warehouse, shownName(path))}: content ${contents.findIndex((one) => one.sha256 === sha256)}`,
    );
  // Outputs that are on their way in, or out again.
  const may = made
    .filter(({ truth, out, hasOutput }) => truth === 'lined' || (out !== undefined && hasOutput))
    .map(text);
  const must = made.filter(({ out, hasOutput }) => hasOutput && out === undefined).map(text);
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
