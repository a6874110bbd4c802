/**
 * Lost or older state: a state that was deleted (while running, before a start) or restored from an older copy is refused;
 * `ingest-ctl rebuild` makes it anew, and everything that is dropped again afterwards is known: nothing twice, nothing lost.
 */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Ended } from '../world/program.js';
import { createWorld, type World } from '../world/world.js';

const limit = { timeout: 240_000 };

const rebuild = (world: World): Promise<Ended> =>
  world.launch('ingest-ctl', ['rebuild', ...world.flags('ingest')]).ended;

async function rebuilt(world: World): Promise<Ended> {
  const ended = await rebuild(world);
  assert.equal(ended.code, 0, `${ended.stdout}${ended.stderr}`);
  return ended;
}

function refused(ended: Ended, code: RegExp): void {
  assert.equal(ended.code, 3, ended.stdout + ended.stderr);
  assert.match(ended.stderr, code);
  assert.doesNotMatch(ended.stderr, /^ {4}at /m, 'no stack');
}

/** The state and what lies beside it. */
const stateFiles = (world: World): string[] => readdirSync(dirname(world.statePath)).sort();

function loseState(world: World): void {
  for (const name of stateFiles(world)) rmSync(join(dirname(world.statePath), name));
}

function dropAgain(world: World): void {
  for (const { name, feed } of [...world.dropped]) {
    const line = world.manifest(feed).find(({ record }) => record?.path.endsWith(`/${name}`));
    const bytes = readFileSync(line!.record!.warehouse_path);
    world.drop(`again-${name}`, bytes, { feed });
  }
}

test('a state file deleted under running processes ends them with exit code 3 and a sentence', limit, async (t) => {
  const world = createWorld(t);
  const program = world.start('ingest');
  const first = world.drop('first.csv', 100);
  await world.isStored(first, { withinMs: 30_000 });
  rmSync(world.statePath);
  const ended = await program.ended;
  refused(ended, /state\.db was removed while it was in use/);
  assert(!existsSync(world.statePath), 'no new state');
});

test('a state deleted before a start is missed, and no new one is made in its place', limit, async (t) => {
  const world = createWorld(t);
  world.drop('first.csv', 100);
  await world.runOnce();
  loseState(world);
  for (let tries = 0; tries < 2; tries++) {
    refused(await world.run('ingest', ['--once']), /state\.db is gone.*ingest-ctl rebuild/);
    assert.deepEqual(stateFiles(world), []);
  }
  refused(await world.run('ingest-producer'), /state\.db is gone/);
  assert.deepEqual(stateFiles(world), []);
});

test('rebuild, then everything dropped again: nothing is ingested twice, nothing lost', limit, async (t) => {
  const world = createWorld(t);
  for (let n = 0; n < 300; n++) world.drop(`${n}.csv`, 100 + n);
  await world.runOnce();
  const uuid = markerState(world);
  const lines = world.manifest().map(({ raw }) => raw);
  loseState(world);
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /300 records in \d manifest file/);
  assert.match(stdout, /300 stored/);
  assert(stdout.includes(uuid), 'the old UUID');
  world.check();
  dropAgain(world);
  await world.runOnce();
  world.check();
  assert.deepEqual(
    world.manifest().map(({ raw }) => raw),
    lines,
  );
  assert.equal(world.duplicates().length, 300);
});

const markerState = (world: World): string =>
  JSON.parse(readFileSync(join(world.feed().manifests, '.ingest-root'), 'utf8')).state;

test(
  'a state restored from an older copy is refused, and made anew with the older one moved aside',
  limit,
  async (t) => {
    const world = createWorld(t);
    world.drop('early.csv', 100);
    await world.runOnce();
    const copy = join(world.root, 'copy.db');
    copyFileSync(world.statePath, copy);
    for (let n = 0; n < 50; n++) world.drop(`${n}.csv`, 100);
    await world.runOnce();
    loseState(world);
    copyFileSync(copy, world.statePath);
    const before = readFileSync(world.statePath);
    refused(await world.run('ingest', ['--once']), /does not know.*ingest-ctl rebuild/);
    const { stdout } = await rebuilt(world);
    const aside = /moved aside to (\S+)/.exec(stdout)?.[1];
    assert(aside?.startsWith(`${world.statePath}.before-rebuild-`), stdout);
    assert.equal(readFileSync(aside!).length, before.length);
    dropAgain(world);
    await world.runOnce();
    world.check();
  },
);

test('an older copy is noticed also when only an hour before the newest has lines behind its end', limit, async (t) => {
  const world = createWorld(t);
  world.drop('early.csv', 100);
  await world.runOnce();
  const copy = readFileSync(world.statePath);
  world.drop('late.csv', 100);
  await world.runOnce();
  // As if no line had been written since the next hour began: an empty newest file, then a foreign hour.
  const later = join(world.feed().manifests, '2099/01/01/00');
  mkdirSync(later, { recursive: true });
  writeFileSync(join(later, 'manifest.jsonl'), '');
  loseState(world);
  writeFileSync(world.statePath, copy);
  refused(await world.run('ingest', ['--once']), /does not know/);
});

test('rebuild refuses a good state, and while anybody is at work', limit, async (t) => {
  const world = createWorld(t);
  const program = world.start('ingest');
  const first = world.drop('first.csv', 100);
  await world.isStored(first, { withinMs: 30_000 });
  refused(await rebuild(world), /in use by a running ingestor/);
  await program.stop();
  const before = readFileSync(world.statePath);
  refused(await rebuild(world), /nothing has to be rebuilt/);
  assert(before.equals(readFileSync(world.statePath)), 'not a byte of it changed');
});

test('an interrupted rebuild is run again', limit, async (t) => {
  const world = createWorld(t);
  for (let n = 0; n < 100; n++) world.drop(`${n}.csv`, 100);
  await world.runOnce();
  loseState(world);
  // What a kill leaves: a database that is half filled, with its log.
  renameSync(await half(world), `${world.statePath}.rebuilding`);
  await rebuilt(world);
  assert.deepEqual(stateFiles(world), ['state.db']);
  dropAgain(world);
  await world.runOnce();
  world.check();
});

async function half(world: World): Promise<string> {
  const path = join(world.root, 'half.db');
  writeFileSync(path, 'SQLite format 3\0 and no more');
  return path;
}
