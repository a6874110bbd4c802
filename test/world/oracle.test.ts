import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nameOfText } from '../../src/linux/names.js';
import { appendLine, DAY, manifestPath, putAway, recordOf, store, storedPath } from './by-hand.js';
import { type Dropped, sha256 } from './dropping.js';
import type { DifferenceKind, Expected } from './oracle.js';
import { createWorld, type World } from './world.js';

interface Ingested {
  world: World;
  first: Dropped;
  second: Dropped;
  /** The same content as `first`; it is in duplicates/. */
  twin: Dropped;
  foreign: string;
}

/** Two files stored, a duplicate put away, a foreign file in the warehouse and a hidden one in the input. */
function ingested(t: TestContext): Ingested {
  const world = createWorld(t);
  const bytes = world.content(1000);
  const first = world.drop('first.csv', bytes);
  const second = world.drop('second.csv', 2000);
  store(world, first);
  store(world, second);
  const twin = world.drop('twin.csv', bytes);
  putAway(world, twin, 'duplicates');
  const foreign = join(world.feed().warehouse, DAY, 'foreign.csv');
  writeFileSync(foreign, 'not ours');
  world.bystander('warehouse', `${DAY}/foreign.csv`);
  writeFileSync(join(world.input, '.hidden.csv'), 'not for us');
  world.bystander('input', '.hidden.csv');
  return { world, first, second, twin, foreign };
}

test('the oracle finds nothing where everything is as it should be', (t) => {
  ingested(t).world.check();
});

/** Each plants one difference into a good world; the oracle must report exactly these. */
const planted: [string, DifferenceKind[], (it: Ingested) => void, Partial<Expected>?][] = [
  [
    'a dropped file that is nowhere',
    ['lost'],
    ({ world }) => rmSync(join(world.input, world.drop('third.csv', 10).name)),
  ],
  [
    'a duplicate whose copy has gone',
    ['lost'],
    ({ world }) => rmSync(join(world.root, '.input.ingest/duplicates/JOB~twin.csv')),
  ],
  [
    'a content in duplicates/ that was never stored',
    ['lost'],
    ({ world }) => putAway(world, world.drop('third.csv', 10), 'duplicates'),
  ],
  [
    'a content in failed/ that nobody discarded',
    ['lost'],
    ({ world }) => putAway(world, world.drop('third.csv', 10), 'failed'),
  ],
  [
    'a content stored under two names',
    ['twice'],
    ({ world, first }) =>
      copyFileSync(storedPath(world, first), storedPath(world, { ...first, name: 'again.csv' as Dropped['name'] })),
  ],
  ['a file beside its output', ['wrong_place'], ({ world }) => output(world, 'DE', DAY)],
  ['rejected records that readers get', ['wrong_place'], ({ world }) => output(world, 'reject', DAY)],
  ['an output that readers do not get', ['wrong_place', 'wrong_place'], ({ world }) => output(world, 'DE', '_rejects')],
  [
    'a byte changed in the warehouse',
    ['wrong_bytes'],
    ({ world, second }) => writeFileSync(storedPath(world, second), Buffer.alloc(2000)),
  ],
  ['a stored file that was cut', ['wrong_bytes'], ({ world, second }) => truncateSync(storedPath(world, second), 1999)],
  ['half a file, stored in good order', ['wrong_bytes'], halfStored],
  [
    'a file taken out of the warehouse',
    ['line_without_file'],
    ({ world, second }) => rmSync(storedPath(world, second)),
  ],
  ['a manifest line that is missing', ['file_without_line'], ({ world }) => rewrite(world, (lines) => lines.slice(1))],
  [
    'a content with two lines',
    ['two_lines'],
    ({ world, first }) => appendLine(world, recordOf(world, first, { ingest_id: 'another' })),
  ],
  [
    'a content that came again, and nobody allowed it',
    ['two_lines', 'twice'],
    ({ world, first }) => again(world, first),
  ],
  ['a line that stands there twice', ['two_lines'], ({ world, first }) => appendLine(world, recordOf(world, first))],
  [
    'an ingest_id used for two contents',
    ['two_lines'],
    ({ world }) => rewrite(world, (lines) => lines.map((line) => line.replace(/ID-\w+\.csv/, 'ID'))),
  ],
  ['a line without its newline', ['torn_line', 'file_without_line'], ({ world }) => cutManifest(world, 1)],
  ['a line that was cut', ['torn_line', 'file_without_line'], ({ world }) => cutManifest(world, 40)],
  ['NUL bytes after the lines', ['torn_line'], ({ world }) => appendFileSync(manifestPath(world), Buffer.alloc(64))],
  [
    'half a line in the middle',
    ['torn_line'],
    ({ world }) => rewrite(world, ([one, ...rest]) => [one!, one!.slice(20), ...rest]),
  ],
  [
    'a line without a size',
    ['torn_line', 'file_without_line'],
    ({ world }) => rewrite(world, (lines) => lines.map((line, at) => (at ? line.replace('"size"', '"length"') : line))),
  ],
  ['a file still in the input', ['stuck'], ({ world }) => void world.drop('third.csv', 10)],
  [
    'a twin still in the input',
    ['stuck'],
    ({ world, first }) => void world.drop('third.csv', readFileSync(storedPath(world, first))),
  ],
  ['a sidecar still in the input', ['stuck'], ({ world }) => world.sidecar('first.csv')],
  [
    'a file still in underprocess/',
    ['stuck'],
    ({ world }) => putAway(world, world.drop('third.csv', 10), 'underprocess'),
  ],
  [
    'a stored file whose source was not put away',
    ['stuck'],
    ({ world, first }) => putAway(world, first, 'underprocess', 'copy'),
  ],
  ['a temporary file in the warehouse', ['left_over'], ({ world }) => makeTemporary(world)],
  [
    'a file in the input that nobody dropped',
    ['left_over'],
    ({ world }) => writeFileSync(join(world.input, 'of-ours.csv'), 'x'),
  ],
  ['a foreign file that was overwritten', ['foreign_changed'], ({ foreign }) => writeFileSync(foreign, 'now ours')],
  ['a foreign file that has gone', ['foreign_changed'], ({ foreign }) => rmSync(foreign)],
  [
    'a hidden file of the input that has gone',
    ['foreign_changed'],
    ({ world }) => rmSync(join(world.input, '.hidden.csv')),
  ],
];

for (const [name, kinds, plant, change] of planted) {
  test(`the oracle finds ${name}`, (t) => {
    const it = ingested(t);
    plant(it);
    const found = it.world.differences(change);
    assert.deepEqual(
      found.map((d) => d.kind),
      kinds,
      JSON.stringify(found),
    );
    assert.throws(() => it.world.check(change), new RegExp(kinds[0]!));
  });
}

/**
 * Permitted while work is under way, or if the test says so. Each returns the expectations that differ from the usual
 * ones.
 */
const allowed: Record<string, (it: Ingested) => Partial<Expected>> = {
  'a file in the input while work goes on'({ world }) {
    world.drop('third.csv', 10);
    return { settled: false };
  },
  'a file in underprocess/ with its line while work goes on'({ world }) {
    sealedWithLine(world);
    return { settled: false };
  },
  'a file in underprocess/ that is meant to be held'({ world }) {
    return { held: new Set([sealedWithLine(world).sha256]) };
  },
  'a file in failed/ that was discarded'({ world }) {
    return { discarded: new Set([discarded(world).sha256]) };
  },
  'a file that a consumer took'({ world, second }) {
    rmSync(storedPath(world, second));
    return { taken: new Set([nameOfText(`${DAY}/second.csv`)]) };
  },
  'a file that was replaced before anybody saw it'({ world }) {
    rmSync(join(world.input, world.drop('third.csv', 10, { optional: true }).name));
    return {};
  },
  'a content that was allowed to come again'({ world, first }) {
    again(world, first);
    return { generations: new Map([[first.sha256, 2]]) };
  },
  'a file that was taken out again'({ world, second }) {
    putAway(world, second, 'failed');
    const { ingest_id } = recordOf(world, second);
    writeFileSync(
      manifestPath(world).replace('manifest.jsonl', 'corrections.jsonl'),
      `${JSON.stringify({ ingest_id })}\n`,
    );
    return { withdrawn: new Set([second.sha256]) };
  },
  'a duplicate that was deleted'({ world }) {
    rmSync(join(world.root, '.input.ingest/duplicates/JOB~twin.csv'));
    return { onDuplicate: 'delete' };
  },
};

for (const [name, plant] of Object.entries(allowed)) {
  test(`the oracle lets be ${name}`, (t) => {
    const it = ingested(t);
    it.world.check(plant(it));
  });
}

/** Stored again, as the next generation, beside the first file. */
function again(world: World, first: Dropped): void {
  const path = storedPath(world, first).replace('.csv', '~2.csv');
  copyFileSync(storedPath(world, first), path);
  appendLine(world, recordOf(world, first, { ingest_id: 'again', generation: 2, warehouse_path: path }));
}

function halfStored({ world }: Ingested): void {
  const half = world.drop('half.csv', 500);
  store(world, half);
  world.dropped.pop(); // the dropped file has another, longer content, which is stored as well
}

function makeTemporary(world: World): void {
  mkdirSync(join(world.feed().warehouse, '.ingest-tmp'));
  writeFileSync(join(world.feed().warehouse, '.ingest-tmp', 'JOB.tmp'), 'half');
}

function sealedWithLine(world: World): Dropped {
  const dropped = world.drop('third.csv', 10);
  appendLine(world, recordOf(world, dropped));
  putAway(world, dropped, 'underprocess');
  return dropped;
}

function discarded(world: World): Dropped {
  const dropped = world.drop('third.csv', 10);
  putAway(world, dropped, 'failed');
  return dropped;
}

function rewrite(world: World, change: (lines: string[]) => string[]): void {
  const lines = readFileSync(manifestPath(world), 'utf8').trimEnd().split('\n');
  writeFileSync(
    manifestPath(world),
    change(lines)
      .map((line) => `${line}\n`)
      .join(''),
  );
}

function cutManifest(world: World, bytes: number): void {
  const path = manifestPath(world);
  truncateSync(path, readFileSync(path).length - bytes);
}

/** The first file gets an output of that tag, in that folder of the warehouse. */
function output(world: World, tag: string, folder: string): void {
  const path = join(world.feed().warehouse, folder, `first.${tag}.csv`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, tag);
  const one = { tag, warehouse_path: path, rows: 1, size: tag.length, sha256: sha256(tag) };
  rewrite(world, ([line, ...rest]) => [JSON.stringify({ ...JSON.parse(line!), outputs: [one] }), ...rest]);
}
