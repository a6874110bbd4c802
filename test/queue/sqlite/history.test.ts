/**
 * The history of the counters: a row about every ten seconds in which something was counted, and no other rows.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
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

/** The rows, the oldest first: their time, and the files that were stored by then. */
function moments({ address }: QueueWorld): { atMs: number; stored: number }[] {
  const db = new Database(address);
  const rows = db.prepare('SELECT at_ms AS atMs, counters FROM history ORDER BY at_ms').all();
  db.close();
  return (rows as { atMs: number; counters: string }[]).map(({ atMs, counters }) => {
    const counted = JSON.parse(counters) as [feed: string, stage: string, name: string, files: number][];
    return { atMs, stored: counted.find(([, , name]) => name === 'finish')?.[3] ?? 0 };
  });
}

/** Returns how many moments there are then. */
async function finishOne(world: QueueWorld, key: string): Promise<number> {
  const backend = await world.open();
  await backend.enqueue([candidate(key)]);
  const [job] = await backend.claim('first', 1);
  await backend.settle([{ job: job!, outcome: { kind: 'finish', ending: 'stored' } }]);
  return moments(world).length;
}

test('one moment in ten seconds, whichever process counts', () =>
  withWorld(async (world) => {
    assert.equal(await finishOne(world, 'a'), 1);
    assert.equal(await finishOne(world, 'b'), 1);
    shift(world, -limits.historyEveryMs);
    assert.equal(await finishOne(world, 'c'), 2);
  }));

test('a moment has the counters after its own transaction, and a rate begins at the oldest of its time', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a');
    const backend = await world.open();
    shift(world, -limits.historyEveryMs);
    await finishOne(world, 'b');
    // The first commit that counts, in each process, enqueues a job; the end of that job is counted after it.
    assert.deepEqual(
      moments(world).map(({ stored }) => stored),
      [0, 1],
    );
    const [minute, moment] = [backend.earlierCounters(60_000), backend.earlierCounters(limits.historyEveryMs / 2)];
    assert(moment!.agoMs < minute!.agoMs);
    const stored = ({ name }: { name: string }): boolean => name === 'finish';
    assert.deepEqual([minute!.counters.find(stored), moment!.counters.find(stored)?.files], [undefined, 1]);
  }));

test('after an idle time, a moment says how the counters stood when it began', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a');
    // Within ten seconds of the row before it.
    assert.equal(await finishOne(world, 'b'), 1);
    shift(world, -limits.historyKeptMs / 2);
    assert.equal(await finishOne(world, 'c'), 3);
    const [first, second] = moments(world);
    assert.equal(second!.atMs, first!.atMs + limits.historyEveryMs);
    assert.deepEqual([first!.stored, second!.stored], [0, 2]);
  }));

test('moments end after two minutes, and those of a clock that was set back end at once', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a');
    shift(world, -limits.historyKeptMs - 1_000);
    assert.equal(await finishOne(world, 'b'), 1);
    shift(world, 3_600_000);
    assert.equal(await finishOne(world, 'c'), 1);
    assert((await world.open()).earlierCounters(60_000)!.agoMs < 60_000);
  }));

test('what changes no counter leaves no moment', () =>
  withWorld(async (world) => {
    const backend = await world.open();
    await backend.putFeed('default', {});
    await backend.transact(() => undefined);
    assert.equal(backend.earlierCounters(60_000), undefined);
  }));
