/** The figures as they were: a row about every minute in which they changed, for each feed that changed, and none in others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import type { Backend, Sample } from '../../../queue/backend.js';
import { limits } from '../../../queue/limits.js';
import { candidate, QueueWorld } from '../world.js';
import { sqlite } from './kind.js';

const { sampleEveryMs: MINUTE } = limits;
const HOUR = 60 * MINUTE;

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

function edit<T>(world: QueueWorld, act: (db: Database.Database) => T): T {
  const db = new Database(world.address);
  try {
    return act(db);
  } finally {
    db.close();
  }
}

/** Moves all samples into the past, or into the future. A fresh owner remembers no row. */
const shift = (world: QueueWorld, ms: number): void =>
  void edit(world, (db) => db.prepare('UPDATE samples SET at_ms = at_ms + ?').run(ms));
const rowsOf = (world: QueueWorld, feed: string): number =>
  edit(world, (db) => db.prepare('SELECT count(*) FROM samples WHERE feed = ?').pluck().get(feed) as number);

async function enqueue(world: QueueWorld, key: string, feed = 'default'): Promise<Backend> {
  const backend = await world.open();
  await backend.putFeed(feed, {});
  await backend.enqueue([{ ...candidate(key), feed }]);
  return backend;
}

async function finishOne(world: QueueWorld, key: string, feed?: string): Promise<Backend> {
  const backend = await enqueue(world, key, feed);
  const [job] = await backend.claim('first', 1);
  await backend.settle([{ job: job!, outcome: { kind: 'finish', ending: 'kept' } }]);
  return backend;
}

const stored = ({ counts }: Sample): number => counts.get('kept')?.files ?? 0;
/** The number of jobs by stage. */
const timesOf = (backend: Backend, feed: string, ms: number): Record<string, number> =>
  backend.timesSince(feed, ms).buckets.reduce<Record<string, number>>((sum, { stage, jobs: more }) => {
    sum[stage] = (sum[stage] ?? 0) + more;
    return sum;
  }, {});
const jobs = ({ stages }: Sample): number => stages.reduce((sum, one) => sum + one.jobs, 0);

test('one sample a minute, whichever process counts; the last one is now', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a');
    const backend = await finishOne(world, 'b');
    assert.equal(rowsOf(world, '*'), 1);
    const now = backend.samples('default', HOUR).at(-1)!;
    assert.deepEqual([stored(now), jobs(now)], [2, 0]);
    shift(world, -MINUTE);
    await finishOne(world, 'c');
    assert.equal(rowsOf(world, '*'), 2);
    assert.deepEqual(backend.samples('*', HOUR).map(stored), [0, 2, 3]);
  }));

test('what stood still needs no row: its figures are known from before it to its end', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a');
    const waits = await enqueue(world, 'waits');
    shift(world, -5 * HOUR);
    const seen = waits.samples('default', 24 * HOUR);
    assert.deepEqual(seen.map(jobs), [1, 1, 1, 1]);
    // It came within the minute after the row; from then on nothing changed.
    const [, first, until, now] = seen;
    assert.ok(first!.stood && !until!.stood && now!.atMs - first!.atMs > 4 * HOUR);
    assert.equal(rowsOf(world, 'default'), 1, 'and reading writes nothing');
    await enqueue(world, 'next');
    assert.deepEqual(waits.samples('default', 24 * HOUR).map(jobs), [1, 1, 1, 2, 2]);
  }));

test('a feed that did not change has no row, and a change of it is not spread over the time of another', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a', 'idle');
    let backend = await finishOne(world, 'b', 'busy');
    shift(world, -MINUTE);
    await finishOne(world, 'c', 'busy');
    const rows = rowsOf(world, 'idle');
    for (const key of ['d', 'e', 'f', 'g']) {
      shift(world, -MINUTE);
      backend = await finishOne(world, key, 'busy');
    }
    assert.equal(rowsOf(world, 'idle'), rows);
    shift(world, -MINUTE);
    await finishOne(world, 'h', 'idle');
    const seen = backend.samples('idle', HOUR);
    const before = seen.findLast((one) => stored(one) === 1)!;
    assert.ok(seen.at(-1)!.atMs - before.atMs <= 2 * MINUTE, 'the change is where it was');
  }));

test('samples end after a day, but the one that says how the day began; those of a clock that was set back end at once', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a');
    await enqueue(world, 'waits');
    shift(world, -40 * HOUR);
    await finishOne(world, 'b');
    shift(world, -30 * HOUR);
    const backend = await finishOne(world, 'c');
    const [first] = backend.samples('default', 24 * HOUR);
    assert.deepEqual([jobs(first!), stored(first!)], [1, 2], 'the newest of before');
    assert.ok(rowsOf(world, '*') <= 3);
    shift(world, 3 * HOUR);
    await finishOne(world, 'd');
    assert.equal(
      edit(world, (db) => db.prepare('SELECT count(*) FROM samples WHERE at_ms > ?').pluck().get(Date.now())),
      0,
    );
  }));

test('times of a while are those since then, of each stage and of the whole way', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a');
    shift(world, -2 * HOUR);
    await finishOne(world, 'b');
    shift(world, -2 * HOUR);
    const backend = await finishOne(world, 'c');
    const since = (ms: number) => timesOf(backend, 'default', ms);
    // The sample of a commit that brings a job in is older than the end of that job.
    assert.deepEqual(since(HOUR), { first: 1, '*': 1 });
    assert.deepEqual(since(24 * HOUR), { first: 3, '*': 3 });
    assert.deepEqual(backend.timesSince('none', HOUR).buckets, []);
  }));

/** As if all samples of a feed lay within the ten minutes of its first one, whatever the clock says. */
const keepFirstTimes = (world: QueueWorld, feed: string): void =>
  void edit(world, (db) =>
    db
      .prepare(
        'UPDATE samples SET durations = NULL WHERE feed = :feed AND at_ms > (SELECT min(at_ms) FROM samples WHERE feed = :feed)',
      )
      .run({ feed }),
  );

test('times of what ended before an idle time are not in the times after it', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a');
    shift(world, -MINUTE);
    const backend = await finishOne(world, 'b');
    assert.equal(timesOf(backend, 'default', HOUR)['*'], 2);
    keepFirstTimes(world, 'default');
    shift(world, -2 * HOUR);
    assert.deepEqual(timesOf(backend, 'default', HOUR), {});
  }));

test('the same of a feed that was idle while another was busy', () =>
  withWorld(async (world) => {
    await finishOne(world, 'a', 'idle');
    shift(world, -MINUTE);
    await finishOne(world, 'b', 'idle');
    shift(world, -MINUTE);
    await finishOne(world, 'c', 'busy');
    keepFirstTimes(world, 'idle');
    shift(world, -MINUTE);
    await finishOne(world, 'd', 'busy');
    shift(world, -2 * HOUR);
    const backend = await finishOne(world, 'e', 'idle');
    assert.deepEqual(timesOf(backend, 'idle', HOUR), { first: 1, '*': 1 });
  }));

test('what changes no figure leaves no sample; a retired feed leaves none', () =>
  withWorld(async (world) => {
    const backend = await world.open();
    await backend.putFeed('default', {});
    await backend.transact(() => undefined);
    assert.equal(rowsOf(world, '*'), 0);
    await finishOne(world, 'a');
    await backend.retireFeed('default');
    assert.equal(rowsOf(world, 'default'), 0);
  }));
