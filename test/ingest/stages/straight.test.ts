/** Jobs go through two stages in one claim. They stay correct if another process takes over or a consumer takes files away. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Backend, ClaimedJob, Settlement, Tx } from '../../../queue/backend.js';
import { stagesUsed } from '../../../src/base/config/values/stage-names.js';
import { type Options, workDirOf } from '../../world/layout.js';
import { Bench } from './bench.js';

const NEVER = Number.POSITIVE_INFINITY;
const going = (bench: Bench, stage: string, diesAt = NEVER) => bench.step(stage, 9, diesAt, true);
const onBench = (act: (bench: Bench) => Promise<void>) => async () => {
  const bench = await Bench.open();
  try {
    await act(bench);
  } finally {
    await bench.close();
  }
};
const jobOf = ({ backend }: Bench) =>
  backend.read((r) =>
    r.get<{ id: string; stage: string; state: string; ending: string; hold_code: string }>('SELECT * FROM jobs'),
  )!;
const contentOf = ({ backend }: Bench) =>
  backend.read((r) => r.get<{ state: string; note: string | null; target: Buffer | null }>('SELECT * FROM contents'))!;
const openAppends = ({ backend }: Bench) => backend.read((r) => r.all('SELECT 1 FROM appends')).length;

test(
  'a file goes from the input to its line in one claim, and from there to the warehouse in the next',
  onBench(async (bench) => {
    await bench.arrive(bench.world.drop('a.csv', 100));
    await going(bench, 'verify-complete');
    assert.deepEqual([jobOf(bench).stage, contentOf(bench).state, openAppends(bench)], ['manifest', 'carried', 1]);
    await going(bench, 'manifest');
    const { id, ending } = jobOf(bench);
    assert.deepEqual([ending, contentOf(bench).state, openAppends(bench)], ['stored', 'stored', 0]);
    assert.deepEqual(
      bench.backend.job(id)!.trail.map(({ stage, outcome }) => `${stage} ${outcome}`),
      ['verify-complete advance', 'hash advance', 'manifest advance', 'move finish'],
    );
    bench.world.check();
  }),
);

test('a feed with expected deliveries is planned ahead like any other, without another transaction', async () => {
  const writes = { expected: await writesOf({ expect: 'a*.csv by 06:30' }), other: await writesOf({}) };
  assert.equal(writes.expected, writes.other);

  async function writesOf(options: Options): Promise<number> {
    const bench = await Bench.open(options);
    try {
      for (const name of ['a.csv', 'ab.csv']) await bench.arrive(bench.world.drop(name, name.length));
      for (const stage of ['verify-complete', 'manifest']) await going(bench, stage);
      assert.equal(jobOf(bench).ending, 'stored');
      return bench.writes;
    } finally {
      await bench.close();
    }
  }
});

test(
  'a line that was planned with its hash is written also if another process has taken over its job',
  onBench(async (bench) => {
    await bench.arrive(bench.world.drop('a.csv', 100));
    await going(bench, 'verify-complete');
    await bench.redoAppends();
    assert.deepEqual([contentOf(bench).state, openAppends(bench)], ['manifested', 0]);
    for (const stage of ['manifest', 'move']) await bench.step(stage, 9);
    bench.world.check();
  }),
);

test(
  'a stage whose gate is closed is not entered on the way',
  onBench(async (bench) => {
    const { backend } = bench;
    const paused = { feed: '*', cause: 'pause', place: '', code: 'paused', reason: 'by hand' } as const;
    await bench.arrive(bench.world.drop('a.csv', 100));
    await backend.transact((tx) => tx.closeGate({ ...paused, stage: 'hash' }));
    await going(bench, 'verify-complete');
    assert.equal(jobOf(bench).stage, 'hash');
    await backend.transact((tx) => tx.openGate({ ...paused, stage: 'hash' }));
    await going(bench, 'hash');
    await backend.transact((tx) => tx.closeGate({ ...paused, stage: 'move' }));
    await going(bench, 'manifest');
    assert.deepEqual([jobOf(bench).stage, contentOf(bench).state], ['move', 'manifested']);
    await backend.transact((tx) => tx.openGate({ ...paused, stage: 'move' }));
    await going(bench, 'move');
    bench.world.check();
  }),
);

test(
  'a file that a dead process had moved and a consumer took is stored; a file that was not moved is missing',
  onBench(async (bench) => {
    const { world } = bench;
    await bench.arrive(world.drop('a.csv', 100));
    await going(bench, 'verify-complete');
    await bench.redoAppends();
    // Its file is renamed, and its settlement never happens.
    await going(bench, 'manifest', 1);
    rmSync(join(world.feed().warehouse, world.warehouse()[0]!.path));
    for (const stage of ['manifest', 'move']) await going(bench, stage);
    assert.deepEqual([jobOf(bench).ending, contentOf(bench).note], ['stored', 'unconfirmed']);
  }),
);

test(
  'the same for a file that was hashed in a claim of its own, and got its line in the claim that moved it',
  onBench(async (bench) => {
    const { world } = bench;
    await bench.arrive(world.drop('a.csv', 100));
    for (const stage of ['verify-complete', 'hash']) await bench.step(stage, 9);
    // Plan and confirmation happen, the settlement does not.
    await going(bench, 'manifest', 5);
    rmSync(join(world.feed().warehouse, world.warehouse()[0]!.path));
    for (const stage of ['manifest', 'move']) await going(bench, stage);
    assert.deepEqual([jobOf(bench).ending, contentOf(bench).note], ['stored', 'unconfirmed']);
  }),
);

test(
  'a sealed file that somebody took before its rename is held as missing',
  onBench(async (bench) => {
    await bench.arrive(bench.world.drop('a.csv', 100));
    await going(bench, 'verify-complete');
    await bench.redoAppends();
    const under = join(workDirOf(bench.world.feed()), 'underprocess');
    rmSync(join(under, readdirSync(under)[0]!));
    for (const stage of ['manifest', 'move']) await going(bench, stage);
    assert.deepEqual([jobOf(bench).state, jobOf(bench).hold_code], ['held', 'sealed_file_missing']);
  }),
);

test(
  'two files with one name, and twins, are all stored or put away',
  onBench(async (bench) => {
    const { world } = bench;
    const twin = world.content(50);
    const drops = [
      world.drop('x/same.csv', 70),
      world.drop('y/same.csv', 80),
      world.drop('t1.csv', twin),
      world.drop('t2.csv', twin),
    ];
    for (const dropped of drops) await bench.arrive(dropped);
    for (let round = 0; round < 6; round++, await bench.backend.rescue())
      for (const stage of stagesUsed([])) await going(bench, stage);
    assert.deepEqual(world.warehouse().length, 3);
    world.check();
  }),
);

test(
  'no line is written for a job whose settlement failed after its plan',
  onBench(async (bench) => {
    const { backend, world } = bench;
    for (const name of ['good.csv', 'bad.csv']) await bench.arrive(world.drop(name, name.length * 10));
    const failing: Backend['settle'] = ([good, bad], keep, around) => {
      const outcome: Settlement['outcome'] = (tx, job) => {
        (bad!.outcome as (tx: Tx, job: ClaimedJob) => unknown)(tx, job);
        throw new Error('a bug after the plan');
      };
      return backend.settle([good!, { ...bad!, outcome }], keep, around);
    };
    const methods = (target: Backend, name: string | symbol): unknown => {
      const value = name === 'settle' ? failing : target[name as keyof Backend];
      return typeof value === 'function' ? (value as (...args: never[]) => unknown).bind(target) : value;
    };
    bench.backend = new Proxy(backend, { get: methods });
    await going(bench, 'verify-complete');
    bench.backend = backend;
    await bench.redoAppends();
    await going(bench, 'manifest');
    const lines = world.manifest().map(({ record }) => record!.path);
    assert.deepEqual(lines, [join(world.input, 'good.csv')]);
    assert.equal(backend.read((r) => r.all('SELECT 1 FROM contents')).length, 1);
  }),
);
