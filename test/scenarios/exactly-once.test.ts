/** Every content exactly once: one file, one line, whatever name or moment its copies come under. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { shownName } from '../../src/linux/names.js';
import type { JobRow, LedgerRow } from '../world/database.js';
import { faultsIn } from '../world/faults.js';
import { holdReady, pause, resume, withState } from '../world/hand.js';
import { workDirOf } from '../world/layout.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const PATIENT = { withinMs: 60_000, everyMs: 25 };

/** The newest job of a name, once `is` holds of it. */
const job = (world: World, name: string, what: string, is: (job: JobRow) => unknown): Promise<JobRow> =>
  until(
    `the job of ${name} ${what}`,
    () => {
      const found = world.jobs().findLast(({ key }) => shownName(key) === name);
      return found && is(found) ? found : undefined;
    },
    PATIENT,
  );

const done = (world: World, name: string, ending: string): Promise<JobRow> =>
  job(world, name, `ends as ${ending}`, (j) => j.ending === ending);
const held = (world: World, name: string, code: string): Promise<JobRow> =>
  job(world, name, `is held for ${code}`, (j) => j.hold_code === code);
const waiting = (world: World, name: string): Promise<JobRow> =>
  job(world, name, 'waits', (j) => j.state === 'waiting');
const readyFor = (world: World, name: string, stage: string): Promise<JobRow> =>
  job(world, name, `is ready for ${stage}`, (j) => j.state === 'ready' && j.stage === stage);

const content = (world: World, of: JobRow): LedgerRow => world.ledger().find(({ carrier }) => carrier === of.id)!;
const targetPath = (world: World, of: JobRow): string =>
  join(world.feed().warehouse, shownName(content(world, of).target!));

async function ctl(world: World, ...words: string[]): Promise<void> {
  const { code, stderr } = await world.run('ingest-ctl', words);
  assert.equal(code, 0, stderr);
}

/** One file and one line of each content; `copies` under duplicates/. */
function once(world: World, { files, duplicates }: { files: number; duplicates: number }): void {
  world.check();
  assert.deepEqual(
    [world.warehouse().length, world.survey().lines.length - world.survey().withdrawn.size, world.duplicates().length],
    [files, files, duplicates],
  );
}

test('the same content under another name, in two files at once and after a restart is one file and one line', async (t) => {
  const world = createWorld(t);
  const [x, y] = [world.content(5_000), world.content(100)];
  world.start('ingest');
  world.drop('a.csv', x);
  const first = await done(world, 'a.csv', 'stored');
  world.drop('b.csv', x);
  world.drop('c.csv', y, { how: 'rename' });
  world.drop('d.csv', y, { how: 'rename' });
  await done(world, 'b.csv', 'duplicate');
  await until('c and d', () => world.jobs().filter(({ state }) => state === 'done').length === 4, PATIENT);
  await world.stop();

  world.start('ingest');
  world.drop('e.csv', x);
  await done(world, 'e.csv', 'duplicate');
  await world.stop();
  once(world, { files: 2, duplicates: 3 });
  for (const name of ['b.csv', 'e.csv']) {
    const told = world.log.named('file_skipped_duplicate').find(({ path }) => path === join(world.input, name))!;
    assert.deepEqual([told.duplicate_of, told.bytes, told.kept], [targetPath(world, first), 5_000, true]);
    assert.ok(world.duplicates().some((file) => file.path.endsWith(`~${name}`)));
  }
});

test('a twin of what is in flight waits, and is a duplicate when the other is stored', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  const bytes = world.content(3_000);
  world.drop('before.csv', 10);
  await done(world, 'before.csv', 'stored');
  for (const stage of ['manifest', 'move']) {
    await pause(world.statePath, stage);
    const name = `${stage}-original.csv`;
    const same = Buffer.concat([bytes, Buffer.from(stage)]);
    world.drop(name, same);
    const original = await readyFor(world, name, stage);
    world.drop(`${stage}-twin.csv`, same);
    const twin = await waiting(world, `${stage}-twin.csv`);
    assert.match(twin.reason!, new RegExp(`content carried by ${original.id}`));
    await resume(world.statePath, stage);
    await done(world, `${stage}-twin.csv`, 'duplicate');
  }
  await world.stop();
  once(world, { files: 3, duplicates: 2 });
});

test('a twin of what is held before its line waits; retry stores the one, and the other is its duplicate', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  await world.event('worker_started');
  await pause(world.statePath, 'manifest');
  const bytes = world.content(2_000);
  world.drop('original.csv', bytes);
  const original = await readyFor(world, 'original.csv', 'manifest');
  assert.equal(await withState(world.statePath, (backend) => holdReady(backend, [original.id])), 1);
  await resume(world.statePath, 'manifest');
  world.drop('twin.csv', bytes);
  await waiting(world, 'twin.csv');
  world.drop('other.csv', 10);
  await done(world, 'other.csv', 'stored');
  assert.equal(world.manifest().length, 1);
  await ctl(world, 'retry', original.id);
  await done(world, 'twin.csv', 'duplicate');
  await world.stop();
  once(world, { files: 2, duplicates: 1 });
});

test('discarded before its line, the twin carries the content; without a twin the content is free again', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  await world.event('worker_started');
  await pause(world.statePath, 'manifest');
  const [x, y] = [world.content(2_000), world.content(2_000)];
  const originals: JobRow[] = [];
  for (const [name, bytes] of [
    ['x.csv', x],
    ['y.csv', y],
  ] as const) {
    world.drop(name, bytes);
    originals.push(await readyFor(world, name, 'manifest'));
  }
  world.drop('x-twin.csv', x);
  await waiting(world, 'x-twin.csv');
  await withState(world.statePath, (backend) =>
    holdReady(
      backend,
      originals.map(({ id }) => id),
    ),
  );
  await ctl(world, 'discard', '--all');
  await resume(world.statePath, 'manifest');
  await done(world, 'x-twin.csv', 'stored');
  for (const name of ['x.csv', 'y.csv']) await done(world, name, 'discarded');
  assert.deepEqual(
    world.manifest().map(({ record }) => record!.path),
    [join(world.input, 'x-twin.csv')],
    'the line speaks of the file that is stored',
  );
  world.drop('y-again.csv', y);
  await done(world, 'y-again.csv', 'stored');
  await world.stop();
  once(world, { files: 2, duplicates: 0 });
  assert.equal(world.failed().length, 2);
  assert.equal(existsSync(join(world.feed().manifests, 'corrections.jsonl')), false);
});

/** Its line is written; a stranger's file lies at its target. */
async function heldAfterLine(world: World, name: string, bytes: Buffer): Promise<JobRow> {
  await pause(world.statePath, 'move');
  world.drop(name, bytes);
  const ready = await readyFor(world, name, 'move');
  mkdirSync(join(targetPath(world, ready), '..'), { recursive: true });
  writeFileSync(targetPath(world, ready), 'a stranger');
  world.bystander('warehouse', content(world, ready).target!);
  await resume(world.statePath, 'move');
  return held(world, name, 'target_taken');
}

function clear(world: World, of: JobRow): void {
  world.bystanders.length = 0;
  rmSync(targetPath(world, of));
}

test('held after its line by a file on its target: nothing is overwritten, retry stores it, its twin is a duplicate', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  await world.event('worker_started');
  const bytes = world.content(2_000);
  const original = await heldAfterLine(world, 'original.csv', bytes);
  world.drop('twin.csv', bytes);
  await waiting(world, 'twin.csv');
  await ctl(world, 'retry', original.id);
  await job(world, 'original.csv', 'is held again', (j) => j.state === 'held' && j.claim_no > original.claim_no);
  world.check({ settled: false });
  clear(world, original);
  await ctl(world, 'retry', original.id);
  await done(world, 'twin.csv', 'duplicate');
  await world.stop();
  once(world, { files: 1, duplicates: 1 });
});

test('discarded after its line: a twin takes over line and target; without one the line is withdrawn', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  await world.event('worker_started');
  const [x, y] = [world.content(2_000), world.content(2_000)];
  const withTwin = await heldAfterLine(world, 'x.csv', x);
  world.drop('x-twin.csv', x);
  world.drop('x-third.csv', x);
  await waiting(world, 'x-twin.csv');
  await waiting(world, 'x-third.csv');
  clear(world, withTwin);
  await ctl(world, 'discard', withTwin.id);
  await until('the content stored', () => world.ledger()[0]?.state === 'stored', PATIENT);
  assert.equal(world.manifest()[0]!.record!.ingest_id, withTwin.id);

  const alone = await heldAfterLine(world, 'y.csv', y);
  clear(world, alone);
  await ctl(world, 'discard', join(world.input, 'y.csv'));
  await done(world, 'y.csv', 'discarded');
  assert.deepEqual([...world.survey().withdrawn], [alone.id]);
  world.drop('y-again.csv', y);
  await done(world, 'y-again.csv', 'stored');
  await until('all done', () => world.jobs().every(({ state }) => state === 'done'), PATIENT);
  await world.stop();
  once(world, { files: 2, duplicates: 1 });
  assert.equal(world.failed().length, 2);
});

test('discarded when its file is in the warehouse already, it is recorded as stored: no file without a line is left', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('no gcc: discarding what died right after its move was not tested');
  faults.arm('moved', 1);
  const running = world.start('ingest', [], { env: faults.env });
  world.drop('x.csv', 1_000);
  await until('the kill', () => faults.kills() === 1, PATIENT);
  running.killAll();
  await running.ended;
  await withState(world.statePath, async (backend) => {
    await backend.rescue();
    assert.equal(await holdReady(backend, [world.jobs()[0]!.id]), 1);
  });
  const told = await world.run('ingest-ctl', ['discard', '--all']);
  assert.match(told.stderr, /is in the warehouse already/);
  assert.match(told.stdout, /^0 files are given up/);
  await world.runOnce();
  once(world, { files: 1, duplicates: 0 });
});

test('--on-duplicate delete removes the copy while the stored file is there, and keeps it when that has gone', async (t) => {
  const world = createWorld(t, { options: { onDuplicate: 'delete' } });
  world.start('ingest');
  const bytes = world.content(4_000);
  world.drop('a.csv', bytes);
  const stored = await done(world, 'a.csv', 'stored');
  world.drop('b.csv', bytes);
  await done(world, 'b.csv', 'duplicate');
  assert.equal((await world.event('file_skipped_duplicate')).kept, false);
  assert.equal(world.duplicates().length, 0);

  rmSync(targetPath(world, stored));
  world.taken.add(content(world, stored).target!);
  world.drop('c.csv', bytes);
  await done(world, 'c.csv', 'duplicate');
  const told = await world.event('file_skipped_duplicate', ({ kept }) => kept);
  assert.equal(told.note, 'original_missing');
  await world.stop();
  assert.equal(world.duplicates().length, 1);
  world.check();
});

test('a consumer that takes every file away at once leaves nothing held, through kills around the move', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  const taken = join(world.root, 'taken');
  mkdirSync(taken);
  const consume = setInterval(() => {
    for (const day of readdirSync(world.feed().warehouse).filter((name) => name.startsWith('ingest_date=')))
      for (const name of readdirSync(join(world.feed().warehouse, day)))
        renameSync(join(world.feed().warehouse, day, name), join(taken, name));
  }, 1);
  t.after(() => clearInterval(consume));
  world.start('ingest', [], { env: faults?.env });
  let count = 0;
  for (const point of ['moved', 'before_move', 'moved'] as const) {
    faults?.arm(point, 1);
    for (let i = 0; i < 30; i++) world.drop(`${count++}.csv`, 100);
    await until('all done', () => world.jobs().filter(({ state }) => state === 'done').length === count, PATIENT);
  }
  await world.stop();
  clearInterval(consume);
  for (const { target } of world.ledger()) world.taken.add(target!);
  world.check();
  assert.equal(readdirSync(taken).length, count);
  if (!faults) return t.diagnostic('no gcc: kills around the move were not tested');
  assert.equal(faults.kills(), 3);
  assert.ok(world.log.named('file_unconfirmed').length >= 1, 'a rename was seen by nobody but the consumer');
});

test('two files of one size and mtime with one byte in the middle different are both stored', async (t) => {
  const world = createWorld(t);
  const bytes = world.content(100_000);
  const other = Buffer.from(bytes);
  other[50_000]! ^= 1;
  for (const [name, content] of [
    ['one/x.csv', bytes],
    ['two/x.csv', other],
  ] as const) {
    world.drop(name, content);
    utimesSync(join(world.input, name), 1_600_000_000, 1_600_000_000);
  }
  await world.runOnce();
  once(world, { files: 2, duplicates: 0 });
});

test('a sealed file that has vanished is held, held again by a retry, and stored when it is back', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  await world.event('worker_started');
  await pause(world.statePath, 'move');
  world.drop('x.csv', 500);
  const ready = await readyFor(world, 'x.csv', 'move');
  const sealed = join(workDirOf(world.feed()), 'underprocess', `${ready.id}~x.csv`);
  renameSync(sealed, join(world.root, 'elsewhere'));
  await resume(world.statePath, 'move');
  const first = await held(world, 'x.csv', 'sealed_file_missing');
  await ctl(world, 'retry', '--all');
  await job(world, 'x.csv', 'is held again', (j) => j.state === 'held' && j.claim_no > first.claim_no);
  renameSync(join(world.root, 'elsewhere'), sealed);
  await ctl(world, 'retry', '--all');
  await done(world, 'x.csv', 'stored');
  await world.stop();
  once(world, { files: 1, duplicates: 0 });
});
