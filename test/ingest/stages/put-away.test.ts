/** Only the bytes that were decided about are put away. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { stagesUsed } from '../../../src/base/config/values/stage-names.js';
import { FeedFiles } from '../../../src/ingest/files/feed-files.js';
import { adoptOrphans } from '../../../src/ingest/upkeep/reaper.js';
import { discardJobs } from '../../../src/tools/exceptions/discard.js';
import { workDirOf } from '../../world/layout.js';
import { Bench } from './bench.js';

const STAGES = stagesUsed([]);

async function untilIdle(bench: Bench): Promise<void> {
  for (let took = 1; took > 0; ) {
    took = 0;
    for (const stage of STAGES) took += await bench.step(stage, 10);
  }
}

test('a duplicate that its uploader wrote on before it was put away is hashed again, and stored', async () => {
  const bench = await Bench.open();
  try {
    const { world, backend } = bench;
    await bench.arrive(world.drop('first.csv', 'the same'));
    await untilIdle(bench);
    const second = world.drop('second.csv', 'the same');
    const link = join(world.root, 'second name');
    linkSync(join(world.input, 'second.csv'), link);
    await bench.arrive(second);
    await bench.step('verify-complete', 1);
    const putAway = () =>
      backend.read((r) => r.get("SELECT 1 FROM jobs WHERE payload LIKE '%putAway%duplicate%' AND state = 'ready'"));
    for (let n = 0; n < 5 && !putAway(); n++) await bench.step('hash', 1);
    assert(putAway(), 'it is decided, and lies there yet');
    appendFileSync(link, ', and more');
    await untilIdle(bench);
    const stored = world.warehouse().map(({ path }) => readFileSync(join(world.feed().warehouse, path), 'utf8'));
    assert.deepEqual(stored.sort(), ['the same', 'the same, and more']);
    assert.deepEqual(world.duplicates(), []);
  } finally {
    await bench.close();
  }
});

test('the sidecars of two versions that were replaced are both put aside', async () => {
  const bench = await Bench.open();
  try {
    const { world, backend } = bench;
    await bench.arrive(world.drop('first.csv', 'one'));
    // An earlier claim sealed the sidecar and died.
    const [earlier] = await backend.claim('verify-complete', 1);
    const { id } = earlier!;
    await backend.settle([{ job: earlier!, outcome: { kind: 'defer', inMs: 0, why: 'its process died' } }]);
    const under = join(workDirOf(world.feed()), 'underprocess');
    mkdirSync(under);
    appendFileSync(join(world.input, 'first.csv'), ', and more');
    for (const text of ['of one', 'of another']) {
      writeFileSync(join(under, `${id}.ok~first.csv`), text);
      await bench.step('verify-complete', 1);
      assert.deepEqual([backend.job(id)?.attempts, backend.job(id)?.reason], [0, 'sidecar_of_earlier_version']);
    }
    const failed = world.failed().map(({ path }) => readFileSync(join(dirname(under), 'failed', path), 'utf8'));
    assert.deepEqual(failed.sort(), ['of another', 'of one']);
  } finally {
    await bench.close();
  }
});

for (const [dies, diesAt] of [
  ['', Number.POSITIVE_INFINITY],
  [', also where the process dies before it is recorded', 1],
] as const)
  test(`a version that is renamed over a file while that is discarded is ingested${dies}`, async () => {
    const bench = await Bench.open();
    try {
      const { world, backend } = bench;
      await bench.arrive(world.drop('a.csv', 'one'));
      const [job] = await backend.claim('verify-complete', 1);
      await backend.settle([{ job: job!, outcome: { kind: 'hold', code: 'too_large', reason: 'too large' } }]);
      await discardJobs(backend, [job!.id]);
      const next = join(world.root, 'next');
      writeFileSync(next, 'another one');
      bench.prepare = (files) => {
        const make = files.makeWorkEntry.bind(files);
        files.makeWorkEntry = (...args) => {
          if (existsSync(next)) renameSync(next, join(world.input, 'a.csv'));
          return make(...args);
        };
      };
      await bench.step('verify-complete', 1, diesAt);
      await untilIdle(bench);
      assert(!existsSync(next));
      const stored = world.warehouse().map(({ path }) => readFileSync(join(world.feed().warehouse, path), 'utf8'));
      assert.deepEqual(stored, ['another one']);
      assert.deepEqual(world.failed(), []);
    } finally {
      await bench.close();
    }
  });

test('a discarded job that was made from a sealed file alone takes nothing from the input', async () => {
  const bench = await Bench.open();
  try {
    const { world, backend } = bench;
    await bench.arrive(world.drop('a.csv', 'one'));
    await bench.step('verify-complete', 1);
    await backend.transact((tx) => tx.run('DELETE FROM jobs'));
    const files = new FeedFiles(bench.feed.roots);
    assert.equal(await adoptOrphans({ backend, emit: () => {}, feed: 'default', files }), 1);
    files.close();
    rmSync(join(workDirOf(world.feed()), 'underprocess', world.underprocess()[0]!.path));
    const held = () => backend.read((r) => r.get<{ id: string }>("SELECT id FROM jobs WHERE state = 'held'"))?.id;
    await bench.step('hash', 1);
    const id = held()!;
    await bench.arrive(world.drop('a.csv', 'another one'));
    for (let times = 0; times < 2; times++) {
      await discardJobs(backend, [id]);
      for (let looks = 0; looks < 3; looks++) await bench.step('hash', 1);
    }
    assert.equal(backend.job(id)?.ending, 'discarded');
    assert.deepEqual(world.failed(), []);
    await untilIdle(bench);
    const stored = world.warehouse().map(({ path }) => readFileSync(join(world.feed().warehouse, path), 'utf8'));
    assert.deepEqual(stored, ['another one']);
  } finally {
    await bench.close();
  }
});
