/** Limits that protect: the rate at which the workers of a state read, the order of files, and copies and outputs that wait for room. */
import assert from 'node:assert/strict';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { Report } from '../../src/service/status/report.js';
import { held } from '../world/jobs.js';
import type { Chain } from '../world/layout.js';
import { tmpfsMount } from '../world/mounts.js';
import { skipUnlessRoot } from '../world/users.js';
import { stays, until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { KiB, noAttemptSpent } from './trouble.js';

const MiB = 1024 * KiB;
const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };

/** All files are found before any is taken. */
async function resumedWith(world: World, drop: () => void): Promise<void> {
  await until('the state', () => world.database() !== undefined);
  await world.run('ingest-ctl', ['pause', 'verify-complete']);
  drop();
  await until('all to be known', () => world.jobs().length === world.dropped.length);
  await world.run('ingest-ctl', ['resume', 'verify-complete']);
}

/** A busy machine takes longer, never less time. */
async function sharedBound(t: TestContext): Promise<void> {
  const RATE = 4 * MiB;
  const world = createWorld(t, { options: { ...AT_ONCE, maxBytesPerSecond: RATE } });
  world.start('ingest');
  world.start('ingest-worker', ['--max-bytes-per-second', String(RATE), '--stage', 'all=2']);
  let from = 0;
  await resumedWith(world, () => {
    for (let i = 0; i < 3; i++) world.drop(`large ${i}.csv`, 2 * MiB);
    for (let i = 0; i < 20; i++) world.drop(`small ${i}.csv`, 100 * KiB);
    from = performance.now();
  });
  await world.allDroppedDone();
  const seconds = (performance.now() - from) / 1_000;
  const sum = world.dropped.reduce((bytes, one) => bytes + one.bytes, 0);
  // Files that have not begun wait for nothing: only one piece of each of three processes is left.
  const least = (sum - 3 * MiB) / RATE;
  assert.ok(seconds >= least, `${sum} bytes took ${seconds} s, and at ${RATE} bytes/s they take ${least}`);
  await world.stop();
  world.check();
}

/** At this rate the file takes eleven hours. */
async function drainedAtOnce(t: TestContext): Promise<void> {
  const world = createWorld(t, { options: AT_ONCE });
  world.start('ingest', ['--max-bytes-per-second', '1024', '--stall-seconds', '10']);
  world.drop('large.csv', 40 * MiB);
  const reading = () => world.jobs().some(({ stage, state }) => stage === 'hash' && state === 'claimed');
  await until('it to be read', reading);
  const lives = () => ['worker_lost', 'call_hangs'].every((event) => world.log.named(event).length === 0);
  await stays('who waits for its turn is not taken for one that hangs', lives, 14_000);
  await world.stop();
  await world.runOnce();
  noAttemptSpent(world);
  world.check();
}

async function smallestFirst(t: TestContext): Promise<void> {
  const world = createWorld(t, { options: { ...AT_ONCE, order: 'size' } });
  world.start('ingest');
  const FILES = 400;
  await resumedWith(world, () => {
    // The largest come first.
    for (let i = 0; i < FILES; i++) world.drop(`${i}.csv`, 100 + (FILES - i) * 10);
  });
  await world.allDroppedDone();
  // Three batches are in progress at a time, and the first ones have 64 jobs.
  const sizes = world.manifest().map(({ record }) => record!.size);
  const first = sizes.slice(0, 64);
  assert.ok(Math.max(...first) < 100 + (FILES / 2) * 10, `the first lines are of ${first} bytes`);
  await world.stop();
  world.check();
}

const free = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
};

/** A worker may have claimed the file at that very moment. */
const lowSpaceNamed = (world: World, words: string) =>
  until(`queue-stat to say that ${words}`, async () => {
    const { findings } = JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
    return findings.some(({ code, sentence }) => code === 'low_space' && sentence.includes(words));
  });

async function notBegun(t: TestContext): Promise<void> {
  if (skipUnlessRoot(t, 'a copy for which too little would stay free')) return;
  const MARK = 8 * MiB;
  const world = createWorld(t, { options: { ...AT_ONCE, minFreeBytes: MARK } });
  const { warehouse } = world.feed();
  tmpfsMount(warehouse, { size: '32m' });
  world.start('ingest', ['--workers', 'all=2']);
  world.drop('before.csv', 2_000);
  await world.stored(1);
  writeFileSync(join(warehouse, 'ballast'), Buffer.alloc(10 * MiB));
  let least = Number.POSITIVE_INFINITY;
  const look = setInterval(() => {
    least = Math.min(least, free(warehouse));
  }, 1);
  t.after(() => clearInterval(look));
  const large = world.drop('large.csv', 16 * MiB);
  const told = await world.event('copy_waits');
  assert.match(String(told.path), /large\.csv$/);
  const small = world.drop('small.csv', 2_000);
  await world.isStored(small);
  await lowSpaceNamed(world, 'large.csv (16.0 MiB) would leave less free');
  const says = /has to be copied, and with its 16\.0 MiB 8\.0 MiB \(--min-free-bytes\) would not stay free/;
  const isExplained = async () =>
    says.test((await world.run('ingest-ctl', ['explain', join(world.input, 'large.csv')])).stdout);
  await until('explain to say what is missing', isExplained);
  world.drop('never.csv', 25 * MiB);
  await held(world, 'never.csv', 'never_fits');
  clearInterval(look);
  assert.ok(least >= MARK, `${least} bytes were free at the least`);
  rmSync(join(warehouse, 'ballast'));
  await world.isStored(large);
  assert.equal(world.log.named('copy_waits').length, 1, 'logged once');
  assert.deepEqual(world.log.named('gate_closed'), []);
  assert.deepEqual(
    world.jobs().filter(({ attempts }) => attempts > 0),
    [],
  );
  await world.stop();
}

async function outputsWithoutRoom(t: TestContext): Promise<void> {
  if (skipUnlessRoot(t, 'outputs for which too little would stay free')) return;
  const process: Chain = { format: 'csv', start: 'split', steps: { split: { by: 'k' } } };
  const world = createWorld(t, { feeds: { made: { options: { ...AT_ONCE, minFreeBytes: 8 * MiB, process } } } });
  const { warehouse } = world.feed('made');
  tmpfsMount(warehouse, { size: '64m' });
  world.start('ingest', ['--workers', 'all=1']);
  const rows = (name: string, count: number) => `k,v\n${`${name},${'x'.repeat(KiB)}\n`.repeat(count)}`;
  world.drop('before.csv', rows('b', 2), { feed: 'made' });
  await world.stored(1);
  writeFileSync(join(warehouse, 'ballast'), Buffer.alloc(40 * MiB));
  const large = world.drop('large.csv', rows('l', 20 * KiB), { feed: 'made' });
  const told = await world.event('copy_waits');
  assert.match(String(told.reason), /^its outputs need more than is free at/);
  const small = world.drop('small.csv', rows('s', 2), { feed: 'made' });
  await world.isStored(small);
  await lowSpaceNamed(world, 'The outputs of large.csv need more than is free');
  const isExplained = async () =>
    /in the stage process: no room for outputs/.test(
      (await world.run('ingest-ctl', ['explain', 'large.csv', '--feed', 'made'])).stdout,
    );
  await until('explain to say what is missing', isExplained);
  rmSync(join(warehouse, 'ballast'));
  await world.isStored(large);
  assert.equal(world.log.named('copy_waits').length, 1, 'logged once');
  assert.deepEqual(world.log.named('gate_closed'), []);
  await world.stop();
}

describe('limits', { concurrency: 2 }, () => {
  test('--max-bytes-per-second bounds all workers of a state together', sharedBound);
  test('a drain waits for no turn', drainedAtOnce);
  test('--order size takes the smallest first', smallestFirst);
  test('a file is not copied where less than its watermark would stay free; smaller ones are', notBegun);
  test('outputs are not written where less than its watermark would stay free; others are', outputsWithoutRoom);
});
