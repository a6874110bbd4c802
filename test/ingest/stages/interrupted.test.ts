/**
 * A job that goes straight on keeps its claim from stage to stage. Where that claim ends without a settlement, the next one decides
 * whether a file that is gone was moved or is missing.
 */
import assert from 'node:assert/strict';
import { readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Backend, ClaimedJob, Settlement, Tx } from '../../../queue/backend.js';
import { STAGE_NAMES } from '../../../src/base/config/values/stage-names.js';
import { discardJobs } from '../../../src/tools/exceptions/discard.js';
import { workDirOf } from '../../world/layout.js';
import { tmpfsMount, unmount } from '../../world/mounts.js';
import { skipUnlessRoot } from '../../world/users.js';
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
    r.get<{ id: string; stage: string; state: string; ending: string; hold_code: string; interrupted: number }>(
      'SELECT * FROM jobs',
    ),
  )!;
const contentOf = ({ backend }: Bench) => backend.read((r) => r.get<{ state: string }>('SELECT * FROM contents'))!;
const sealedPath = ({ world }: Bench): string => {
  const under = join(workDirOf(world.feed()), 'underprocess');
  return join(under, readdirSync(under)[0]!);
};
const storedPath = ({ world }: Bench): string => join(world.feed().warehouse, world.warehouse()[0]!.path);
/** The end of a job whose file is gone, in the next claim. */
const ended = async (bench: Bench) => {
  // The first claim of `move` decides, the second one puts away what is left.
  for (const stage of [...STAGE_NAMES, 'move']) await going(bench, stage);
  const { state, ending, hold_code } = jobOf(bench);
  return [state, ending ?? hold_code, contentOf(bench).state];
};
const UNCONFIRMED = ['done', 'stored', 'unconfirmed'];
const MISSING = ['held', 'sealed_file_missing', 'manifested'];

test(
  'a file goes from the input to the warehouse in one claim, and its row is written at each stage',
  onBench(async (bench) => {
    await bench.arrive(bench.world.drop('a.csv', 100));
    await going(bench, 'verify-complete');
    const { id, ending } = jobOf(bench);
    const { trail, claimNo, interrupted } = bench.backend.job(id)!;
    assert.deepEqual([ending, contentOf(bench).state, claimNo, interrupted], ['stored', 'stored', 4, false]);
    assert.deepEqual(
      trail.map(({ stage, outcome }) => `${stage} ${outcome}`),
      ['verify-complete advance', 'hash advance', 'manifest advance', 'move finish'],
    );
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
    await backend.transact((tx) => tx.closeGate({ ...paused, stage: 'move' }));
    await going(bench, 'hash');
    assert.deepEqual([jobOf(bench).stage, contentOf(bench).state], ['move', 'manifested']);
    await backend.transact((tx) => tx.openGate({ ...paused, stage: 'move' }));
    await going(bench, 'move');
    bench.world.check();
  }),
);

test(
  'a file that a dead process had moved and a consumer took is unconfirmed',
  onBench(async (bench) => {
    await bench.arrive(bench.world.drop('a.csv', 100));
    for (const stage of ['verify-complete', 'hash', 'manifest']) await bench.step(stage, 9);
    assert.equal(jobOf(bench).interrupted, 0);
    // Its file is renamed, and its settlement never happens.
    await bench.step('move', 9, 1);
    assert.equal(jobOf(bench).interrupted, 1);
    rmSync(storedPath(bench));
    assert.deepEqual(await ended(bench), UNCONFIRMED);
  }),
);

test(
  'a sealed file that somebody took before its line, or before its move, is held as missing',
  onBench(async (bench) => {
    await bench.arrive(bench.world.drop('a.csv', 100));
    await bench.step('verify-complete', 9);
    // It dies with its hash, and again while it plans: nothing had left the work directory.
    await bench.step('hash', 9, 1);
    await bench.step('hash', 9);
    assert.equal(jobOf(bench).interrupted, 1);
    await bench.step('manifest', 9, 1);
    await bench.step('manifest', 9);
    assert.deepEqual([jobOf(bench).stage, jobOf(bench).interrupted], ['move', 0]);
    const sealed = sealedPath(bench);
    renameSync(sealed, join(bench.world.root, 'away'));
    assert.deepEqual(await ended(bench), MISSING);
    renameSync(join(bench.world.root, 'away'), sealed);
    await bench.backend.amendHeld([jobOf(bench).id], (_tx, job) => ({ kind: 'back', to: job.stage }));
    assert.deepEqual(await ended(bench), ['done', 'stored', 'stored']);
    bench.world.check();
  }),
);

test('a sealed file that somebody deleted before it was copied to a partition of its own is held as missing', async (t) => {
  if (skipUnlessRoot(t, 'a partition that is a mount of its own')) return;
  await onBench(async (bench) => {
    await bench.arrive(bench.world.drop('a.csv', 100));
    for (const stage of ['verify-complete', 'hash', 'manifest']) await bench.step(stage, 9);
    tmpfsMount(dirname(bench.world.manifest()[0]!.record!.warehouse_path));
    await bench.backend.claim('move', 9);
    await bench.die();
    rmSync(sealedPath(bench));
    assert.deepEqual(await ended(bench), MISSING);
    // An operator's shell may have other mounts than the service.
    unmount(dirname(bench.world.manifest()[0]!.record!.warehouse_path));
    const given: string[] = [];
    assert.deepEqual(
      await discardJobs(bench.backend, [jobOf(bench).id], (_, as) => given.push(as)),
      [true],
      `${given}`,
    );
  })();
});

test(
  'a line that was written before the death is not written twice, and its job may have moved its file',
  onBench(async (bench) => {
    await bench.arrive(bench.world.drop('a.csv', 100));
    for (const stage of ['verify-complete', 'hash']) await bench.step(stage, 9);
    // Plan and confirmation happen, the settlement does not.
    await bench.step('manifest', 9, 5);
    assert.deepEqual([contentOf(bench).state, jobOf(bench).interrupted], ['manifested', 1]);
    await bench.step('manifest', 9);
    assert.equal(jobOf(bench).interrupted, 1);
    await bench.step('move', 9, 1);
    rmSync(storedPath(bench));
    assert.deepEqual(await ended(bench), UNCONFIRMED);
    assert.equal(bench.world.manifest().length, 1);
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
      for (const stage of STAGE_NAMES) await going(bench, stage);
    assert.deepEqual(world.warehouse().length, 3);
    world.check();
  }),
);

test(
  'a content of a settlement that failed is not recorded, and the other files of its batch go on',
  onBench(async (bench) => {
    const { backend, world } = bench;
    for (const name of ['good.csv', 'bad.csv']) await bench.arrive(world.drop(name, name.length * 10));
    await bench.step('verify-complete', 9);
    const failing: Backend['settle'] = ([good, bad], keep, also) => {
      const outcome: Settlement['outcome'] = (tx, job) => {
        (bad!.outcome as (tx: Tx, job: ClaimedJob) => unknown)(tx, job);
        throw new Error('a bug after the question');
      };
      return backend.settle([good!, { ...bad!, outcome }], keep, also);
    };
    const methods = (target: Backend, name: string | symbol): unknown => {
      const value = name === 'settle' ? failing : target[name as keyof Backend];
      return typeof value === 'function' ? (value as (...args: never[]) => unknown).bind(target) : value;
    };
    bench.backend = new Proxy(backend, { get: methods });
    await bench.step('hash', 9);
    bench.backend = backend;
    await going(bench, 'manifest');
    const lines = world.manifest().map(({ record }) => record!.path);
    assert.deepEqual(lines, [join(world.input, 'good.csv')]);
    assert.equal(backend.read((r) => r.all('SELECT 1 FROM contents')).length, 1);
  }),
);
