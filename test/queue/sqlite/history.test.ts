/**
 * The history of the counters: a row about every ten seconds in which something was counted, and no other rows.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import type { Moment } from '../../../queue/backend.js';
import { limits } from '../../../queue/limits.js';
import { candidate, QueueWorld } from '../world.js';
import { sqlite } from './kind.js';

async function withWorld(run: (world: QueueWorld) => Promise<void>): Promise<void> {
  const { address, remove } = await sqlite.make();
  const world = new QueueWorld(sqlite, address);
  try {
    await run(world);
  } finally {
    await world.end();
    await remove();
  }
}

/** Moves all rows into the past or into the future. */
function shift(world: QueueWorld, ms: number): void {
  const db = new Database(world.address);
  db.prepare('UPDATE history SET at_ms = at_ms + ?').run(ms);
  db.close();
}

async function finishOne(world: QueueWorld, key: string): Promise<number> {
  const backend = await world.open();
  await backend.enqueue([candidate(key)]);
  const [job] = await backend.claim('first', 1);
  await backend.settle([{ job: job!, outcome: { kind: 'finish', ending: 'stored' } }]);
  return backend.history(Number.MAX_SAFE_INTEGER).length;
}

test('one moment in ten seconds, whichever process counts', () =>
  withWorld(async (world) => {
    assert.equal(await finishOne(world, 'a'), 1);
    assert.equal(await finishOne(world, 'b'), 1);
    shift(world, -limits.historyEveryMs);
    assert.equal(await finishOne(world, 'c'), 2);
  }));

test('a moment has the counters after its own transaction', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a');
    shift(world, -limits.historyEveryMs);
    await finishOne(world, 'b');
    const [earlier, later] = (await world.open()).history(60_000);
    assert(later!.agoMs < earlier!.agoMs);
    const stored = ({ counters }: Moment) => counters.filter(({ name }) => name === 'stored').map(({ files }) => files);
    // The first commit that counts, in each process, enqueues a job; the end of that job is counted after it.
    assert.deepEqual([stored(earlier!), stored(later!)], [[], [1]]);
  }));

test('after an idle time, a moment says how the counters stood when it began', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a');
    // Within ten seconds of the row before it.
    assert.equal(await finishOne(world, 'b'), 1);
    shift(world, -3_600_000);
    assert.equal(await finishOne(world, 'c'), 3);
    const moments = (await world.open()).history(2 * 3_600_000);
    const ended = moments.map(({ counters }) => counters.find(({ name }) => name === 'stored')?.files ?? 0);
    assert.equal(moments[1]!.atMs, moments[0]!.atMs + limits.historyEveryMs);
    assert.deepEqual(ended.slice(0, 2), [0, 2]);
  }));

test('moments end after two hours, and those of a clock that was set back end at once', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a');
    shift(world, -limits.historyKeptMs - 1_000);
    assert.equal(await finishOne(world, 'b'), 1);
    shift(world, 3_600_000);
    assert.equal(await finishOne(world, 'c'), 1);
    assert((await world.open()).history(60_000)[0]!.agoMs < 60_000);
  }));

test('what changes no counter leaves no moment', () =>
  withWorld(async (world) => {
    const backend = await world.open();
    await backend.putFeed('default', {});
    await backend.transact(() => undefined);
    assert.deepEqual(backend.history(60_000), []);
  }));
