/** Contents whose carrier is held or given up, before its line and after it. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { JobRow } from '../world/database.js';
import { faultsIn } from '../world/faults.js';
import { holdReady, pause, resume, withState } from '../world/hand.js';
import { content, ctl, done, held, job, once, PATIENT, readyFor, targetPath, waiting } from '../world/jobs.js';
import { workDirOf } from '../world/layout.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

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
  assert.deepEqual([...world.survey().withdrawn], []);
});

/** Its line is written; a foreign file lies at its target. */
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
  await world.allDone();
  await world.stop();
  once(world, { files: 2, duplicates: 1 });
  assert.equal(world.failed().length, 2);
});

test('discarded when its file is in the warehouse already, it is recorded as stored: no file without a line is left', async (t) => {
  const world = createWorld(t);
  await world.followManifests();
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('no gcc: discarding what died right after its move was not tested');
  faults.arm('moved', 1);
  const running = world.start('ingest', [], { env: faults.env });
  await until('all are at work', () => world.log.named('worker_started').length === 2, PATIENT);
  // Otherwise it would start another worker, which would end the job before anybody can hold it.
  running.kill('SIGSTOP');
  world.drop('x.csv', 1_000);
  await until('the kill', () => faults.kills() === 1, PATIENT);
  running.killAll();
  await running.ended;
  await withState(world.statePath, async (backend) => {
    // A killed process keeps its locks until the last of its threads has left the kernel.
    const isFree = () => backend.rescue().then(() => world.jobs()[0]!.state === 'ready');
    await until("the dead worker's claim is free", isFree, PATIENT);
    assert.equal(await holdReady(backend, [world.jobs()[0]!.id]), 1);
  });
  const told = await world.run('ingest-ctl', ['discard', '--all']);
  assert.match(told.stderr, /is in the warehouse already/);
  assert.match(told.stdout, /^0 files are given up/);
  await world.runOnce();
  once(world, { files: 1, duplicates: 0 });
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
