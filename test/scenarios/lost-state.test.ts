/**
 * Lost or older state: a state that was deleted (while running, before a start) or restored from an older copy is refused;
 * `ingest-ctl rebuild` makes it anew, and everything that is dropped again afterwards is known: nothing twice, nothing lost.
 */
import assert from 'node:assert/strict';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Ended } from '../world/program.js';
import { until } from '../world/waiting.js';
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
  const stored = new Map(world.manifest().map(({ record }) => [record!.sha256, record!.warehouse_path]));
  for (const { name, sha256 } of [...world.dropped]) world.drop(`again-${name}`, readFileSync(stored.get(sha256)!));
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

test('files in flight at every stage when the state was lost: each arrives once', limit, async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, settleMs: 0 } });
  for (let n = 0; n < 20; n++) world.drop(`stored-${n}.csv`, 100);
  await world.runOnce();
  const program = world.start('ingest', ['--concurrency', '2']);
  const reach = async (stage: string, count: number): Promise<void> => {
    const there = () => world.jobs().filter((job) => job.stage === stage && job.state === 'ready').length;
    await until(`${count} files wait in ${stage}`, () => there() >= count, { withinMs: 60_000 });
  };
  // From the last stage to the first: what is dropped before a stage is opened again has got so far.
  for (const [stage, before] of [
    ['move', 'manifested'],
    ['manifest', 'hashed'],
    ['hash', 'sealed'],
    ['verify-complete', 'seen'],
  ] as const) {
    assert.equal((await world.run('ingest-ctl', ['pause', stage])).code, 0);
    for (let n = 0; n < 20; n++) world.drop(`${before}-${n}.csv`, 100);
    await reach(stage, 20);
  }
  await world.run('ingest-ctl', ['resume', 'hash']);
  await reach('manifest', 40);
  await world.run('ingest-ctl', ['pause', 'hash']);
  await world.run('ingest-ctl', ['resume', 'verify-complete']);
  // Twins of what has its line, of what is sealed and of what is stored.
  for (const name of ['manifested-0.csv', 'hashed-0.csv', 'stored-0.csv']) {
    world.drop(`twin-${name}`, bytesOf(world, name));
  }
  await reach('hash', 23);
  assert.equal(world.manifest().length, 40, 'twenty stored, twenty with a line alone');
  await world.killAll();
  assert(!program.running);
  loseState(world);

  const { stdout } = await rebuilt(world);
  assert.match(stdout, /20 stored, their files are in the warehouse/);
  assert.match(stdout, /20 have their line and still lie in underprocess/);
  assert.match(stdout, /63 files in underprocess\/ without a line/);
  await world.runOnce();
  world.check();
  dropAgain(world);
  await world.runOnce();
  world.check();
  assert.equal(world.manifest().length, 100);
});

function bytesOf(world: World, name: string): Buffer {
  const { sha256 } = world.dropped.find((d) => d.name === name)!;
  const [found] = [...world.underprocess(), ...world.warehouse()].filter((f) => f.sha256 === sha256);
  const roots = [join(world.root, '.input.ingest/underprocess'), world.feed().warehouse];
  return readFileSync(roots.map((root) => join(root, found!.path)).find((path) => existsSync(path))!);
}

test('a torn last line is kept and told, and its file is ingested again with a new one', limit, async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, settleMs: 0 } });
  world.drop('first.csv', 100);
  await world.runOnce();
  const second = world.drop('second.csv', 100);
  await world.runOnce();
  // As a crash between intent and confirmation leaves it: half a line, and the file still in underprocess/.
  const [line] = world.manifest().filter(({ record }) => record!.sha256 === second.sha256);
  const manifest = join(world.feed().manifests, line!.file);
  const whole = readFileSync(manifest);
  const torn = whole.subarray(0, whole.length - 40);
  writeFileSync(manifest, torn);
  const sealed = join(world.root, '.input.ingest/underprocess', `${line!.record!.ingest_id}~second.csv`);
  renameSync(line!.record!.warehouse_path, sealed);
  loseState(world);

  const { stdout } = await rebuilt(world);
  assert.match(stdout, /a line that was cut short: its file is ingested again, with a new line/);
  const ended = await world.runOnce();
  assert(ended.events.some(({ event }) => event === 'manifest_foreign_lines'));
  const after = readFileSync(manifest);
  assert(after.subarray(0, torn.length).equals(torn), 'nothing was cut or changed');
  const [kept, again] = after
    .subarray(torn.length - 20)
    .toString()
    .trimEnd()
    .split('\n')
    .slice(-2);
  assert(kept && JSON.parse(again!).sha256 === second.sha256);
  assert.deepEqual(
    world.differences().map(({ kind }) => kind),
    ['torn_line'],
  );
});

test('corrections, rotated and compressed manifests, and a consumer that took files', limit, async (t) => {
  const world = createWorld(t);
  const names = ['plain', 'zipped', 'packed', 'taken', 'withdrawn'];
  const dropped = names.map((name) => world.drop(`${name}.csv`, 100));
  await world.runOnce();
  const [file] = world.manifest().map((line) => join(world.feed().manifests, line.file));
  const of = (name: string) => world.manifest().find(({ record }) => record!.path.endsWith(`/${name}.csv`))!;
  const lines = Object.fromEntries(names.map((name) => [name, of(name)]));
  writeFileSync(`${file!}.1.gz`, gzipSync(`${lines.zipped!.raw}\n`));
  writeFileSync(`${file!}-20300102.zst`, zstdFrame(`${lines.packed!.raw}\n`));
  writeFileSync(file!, ['plain', 'taken', 'withdrawn'].map((name) => `${lines[name]!.raw}\n`).join(''));
  rmSync(lines.taken!.record!.warehouse_path);
  rmSync(lines.withdrawn!.record!.warehouse_path);
  const { ingest_id, sha256 } = lines.withdrawn!.record!;
  const correction = { correction: 'withdrawn', ingest_id, sha256, feed: 'default' };
  writeFileSync(join(dirname(file!), 'corrections.jsonl'), `${JSON.stringify(correction)}\n`);
  loseState(world);

  const { stdout } = await rebuilt(world);
  assert.match(stdout, /5 records in 3 manifest files/);
  assert.match(stdout, /3 stored, their files are in the warehouse/);
  assert.match(stdout, /1 stored, but not in the warehouse/);
  assert.match(stdout, /1 withdrawn/);
  const ledger = new Map(world.ledger().map((row) => [row.sha256, row.note]));
  assert.equal(ledger.get(dropped[3]!.sha256), 'unconfirmed');
  assert(!ledger.has(sha256), 'what was withdrawn is free');

  // Known ones are duplicates, the free one goes in.
  const known = ['plain', 'zipped', 'packed'].map((name) => readFileSync(lines[name]!.record!.warehouse_path));
  for (const [n, bytes] of known.entries()) writeFileSync(join(world.input, `again-${n}.csv`), bytes);
  await world.runOnce();
  assert.equal(world.duplicates().length, 3);
});

/** A frame of one raw block (RFC 8878): every unpacker must read it, and no packer is needed here. */
function zstdFrame(text: string): Buffer {
  const bytes = Buffer.from(text);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  const block = Buffer.alloc(4);
  block.writeUInt32LE((bytes.length << 3) | 1); // last, raw
  return Buffer.concat([Buffer.from('28b52ffd', 'hex'), Buffer.from([0xa0]), size, block.subarray(0, 3), bytes]);
}

test('everything withdrawn: the empty ledger of a rebuilt state is the right one', limit, async (t) => {
  const world = createWorld(t);
  world.drop('first.csv', 100);
  await world.runOnce();
  const { record, file } = world.manifest()[0]!;
  rmSync(record!.warehouse_path);
  const correction = { correction: 'withdrawn', ingest_id: record!.ingest_id, sha256: record!.sha256, feed: 'default' };
  writeFileSync(join(world.feed().manifests, dirname(file), 'corrections.jsonl'), `${JSON.stringify(correction)}\n`);
  loseState(world);
  await rebuilt(world);
  assert.deepEqual(world.ledger(), []);
  await world.runOnce();
});

test('several feeds that share their manifests are rebuilt and checked each by its own lines', limit, async (t) => {
  const shared = mkdtempSync(join(tmpdir(), 'manifests-'));
  t.after(() => rmSync(shared, { recursive: true }));
  const world = createWorld(t, { feeds: { one: { manifests: shared }, two: { manifests: shared } } });
  for (const feed of ['one', 'two']) for (let n = 0; n < 10; n++) world.drop(`${n}.csv`, 100, { feed });
  await world.runOnce();
  await world.runOnce();
  loseState(world);
  refused(await world.run('ingest', ['--once']), /state\.db is gone/);
  const { stdout } = await rebuilt(world);
  assert.equal(stdout.match(/10 stored, their files/g)?.length, 2);
  assert.doesNotMatch(stdout, /repeat a content/);
  await world.runOnce();
  for (const feed of ['one', 'two']) assert.equal(world.ledger(feed).length, 10);
});

test('folders of two states are not rebuilt as one', limit, async (t) => {
  const [world, other] = [createWorld(t), createWorld(t)];
  for (const one of [world, other]) {
    one.drop('first.csv', 100);
    await one.runOnce();
    loseState(one);
  }
  const flags = world.flags('ingest').map((flag) => flag.replace(world.feed().manifests, other.feed().manifests));
  refused(
    await world.launch('ingest-ctl', ['rebuild', ...flags]).ended,
    /belongs to the state .* one rebuild is for one state/,
  );
  assert.deepEqual(stateFiles(world), []);
});
