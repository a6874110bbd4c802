/**
 * Readers that were written from docs/consumers.md alone count each record once, with a chain and without one: the queries of the
 * document in DuckDB, its shell loop, and a reader of lines, across withdraw, allow-again and a rebuild.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { BY_COUNTRY, orders } from '../world/chains.js';
import type { Feed } from '../world/layout.js';
import { loseState, rebuilt } from '../world/lost.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { blockOf } from './documents.js';

const QUICK = { stabilitySeconds: 0, quietMs: 0 };
/** A day that has begun in the far west is over in the far east: hours and days end without a wait. */
const WEST = ['--success-markers', '--timezone', 'Etc/GMT+12'];
const EAST = ['--success-markers', '--timezone', 'Etc/GMT-14'];
const FEEDS = ['chain', 'plain'];
/** One in ten records is bad: 111 records are 100 for readers of a feed with a chain. */
const RECORDS = { chain: 111, plain: 100 };
const GOOD = 100;

const worldOf = (t: TestContext): World =>
  createWorld(t, { feeds: { chain: { options: { ...QUICK, process: BY_COUNTRY } }, plain: { options: QUICK } } });

function dropFiles(world: World, marks: readonly string[]): void {
  for (const feed of FEEDS)
    for (const mark of marks) {
      const { text, made } = orders(mark, RECORDS[feed as keyof typeof RECORDS]);
      const { sha256 } = world.drop(`${mark}.csv`, text, { feed });
      if (feed === 'chain') world.made.set(sha256, made);
    }
}

const jsonLines = (path: string) =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : [];
const recordsIn = (path: string): number => readFileSync(path, 'utf8').split('\n').length - 2;

/** Reads lines, as the document says: `loaded` has the records of each `ingest_id`. */
function readLines({ manifests }: Feed, loaded: Map<string, number>): void {
  const all = readdirSync(manifests, { recursive: true, encoding: 'utf8' }).map((path) => join(manifests, path));
  const of = (name: string) => all.filter((path) => path.endsWith(`/${name}.jsonl`)).flatMap(jsonLines);
  const withdrawn = new Set(of('corrections').map(({ ingest_id }) => ingest_id));
  for (const id of withdrawn) loaded.delete(id);
  for (const { ingest_id, warehouse_path, outputs = [] } of of('manifest')) {
    if (loaded.has(ingest_id) || withdrawn.has(ingest_id) || !existsSync(warehouse_path)) continue;
    const paths: string[] = [warehouse_path, ...outputs.map((output: typeof outputs) => output.warehouse_path)];
    const toLoad = paths.filter((path) => !/\/_(originals|rejects)\/ingest_date=/.test(path));
    loaded.set(
      ingest_id,
      toLoad.reduce((sum, path) => sum + recordsIn(path), 0),
    );
  }
}

/** All files of all days. */
const recordsOfDays = ({ warehouse }: Feed): number =>
  readdirSync(warehouse, { recursive: true, encoding: 'utf8' })
    .filter((path) => /^ingest_date=.*\.csv$/.test(path))
    .reduce((sum, path) => sum + recordsIn(join(warehouse, path)), 0);

const sum = (loaded: Map<string, number>): number => [...loaded.values()].reduce((all, one) => all + one, 0);

test('a reader of lines and a reader of days count 3,000 records, across withdraw, allow-again and a rebuild', async (t) => {
  const world = worldOf(t);
  const loaded = new Map(FEEDS.map((feed) => [feed, new Map<string, number>()]));
  const counts = () =>
    FEEDS.flatMap((name) => {
      readLines(world.feed(name), loaded.get(name)!);
      return [sum(loaded.get(name)!), recordsOfDays(world.feed(name))];
    });
  const everywhere = (records: number) => Array(4).fill(records);
  const marks = Array.from({ length: 30 }, (_, n) => `m${n}`);
  dropFiles(world, marks.slice(0, 10));
  await world.runOnce();
  assert.deepEqual(counts(), everywhere(10 * GOOD));

  for (const feed of FEEDS) {
    const { sha256 } = world.dropped.find((one) => one.feed === feed && one.name === 'm3.csv')!;
    const words = [sha256, '--feed', feed, '--reason', 'a test'];
    assert.equal((await world.run('ingest-ctl', ['withdraw', ...words])).code, 0);
    world.withdrawn.add(sha256);
  }
  await world.runOnce();
  assert.deepEqual(counts(), everywhere(9 * GOOD));
  loseState(world);
  await rebuilt(world);
  for (const feed of FEEDS) {
    const { sha256 } = world.dropped.find((one) => one.feed === feed && one.name === 'm3.csv')!;
    const words = [sha256, '--feed', feed, '--reason', 'it was right'];
    assert.equal((await world.run('ingest-ctl', ['allow-again', ...words])).code, 0);
    world.withdrawn.delete(sha256);
    world.generations.set(sha256, 2);
  }
  dropFiles(world, ['m3', ...marks.slice(10)]);
  await world.runOnce();
  assert.deepEqual(counts(), everywhere(30 * GOOD));
  loseState(world);
  await rebuilt(world);
  dropFiles(world, marks);
  await world.runOnce();
  assert.deepEqual(counts(), everywhere(30 * GOOD));
});

test('the queries for DuckDB and the loop of the shell find each record once, with a chain and without', async (t) => {
  const world = worldOf(t);
  world.start('ingest', WEST);
  dropFiles(world, ['a', 'b', 'c']);
  await world.allDroppedDone();
  const { sha256 } = world.dropped.find(({ feed, name }) => feed === 'chain' && name === 'a.csv')!;
  await world.run('ingest-ctl', ['withdraw', sha256, '--feed', 'chain', '--reason', 'a test']);
  await until('it is taken out', () => world.log.named('file_withdrawn').length > 0);
  await world.stop();
  await world.runOnce(EAST);
  const duck = await (await DuckDBInstance.create(':memory:')).connect();
  const hasJq = spawnSync('jq', ['--version']).error === undefined;
  for (const [feed, files] of [
    ['chain', 2],
    ['plain', 3],
  ] as const) {
    const { manifests, warehouse } = world.feed(feed);
    const [hour] = readdirSync(manifests, { recursive: true, encoding: 'utf8' }).filter((path) =>
      /^\d+\/\d+\/\d+\/\d+$/.test(path),
    );
    const day = hour!.slice(0, 10).replaceAll('/', '-');
    const corrected = existsSync(join(manifests, hour!, 'corrections.jsonl'));
    const queries = blockOf('docs/consumers.md', 'sql', 'DuckDB')
      .replaceAll('/manifests/2026/11/20/08', join(manifests, hour!))
      .replaceAll('/warehouse', warehouse)
      .replaceAll('2026-11-20', day)
      .replace(/^-- Leave this out[\s\S]*?;$/m, (last) => (corrected ? last : ';'));
    const answers = [];
    for (const query of queries.split(/;\n/).filter((text) => /\S/.test(text)))
      answers.push(await (await duck.runAndReadAll(query)).getRowsJson());
    const [markers, ofDay, ofDays, paths] = answers;
    assert.deepEqual(markers, [['1']]);
    assert.equal(ofDay!.length, files * GOOD);
    assert.deepEqual(ofDays, [[day, String(files * GOOD)]]);
    assert.equal(
      paths!.reduce((all, [, path]) => all + recordsIn(String(path)), 0),
      files * GOOD,
    );
    if (!hasJq) {
      t.diagnostic('no jq: the loop of docs/consumers.md was not run');
      continue;
    }
    const done = join(world.root, `done-${feed}`);
    mkdirSync(done);
    const env = { PATH: process.env.PATH, MANIFESTS: manifests, DONE: done };
    const loop = spawnSync('sh', ['-c', blockOf('docs/consumers.md', 'sh')], { env, encoding: 'utf8' });
    assert.equal(loop.stderr, '');
    assert.deepEqual(loop.stdout.split('\n').filter(Boolean).sort(), paths!.map(([, path]) => path).sort());
  }
});
