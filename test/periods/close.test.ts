/**
 * Hours and days are closed, waited for and marked, a step at a time on real files. That time passes is said by the feed's
 * zone: a day that has begun in the far west is over in the far east.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Backend } from '../../queue/backend.js';
import { FeedFiles } from '../../src/files/feed-files.js';
import { Periods } from '../../src/periods/close.js';
import { discardJobs } from '../../src/recover/discard.js';
import { Bench, Died, mortal } from '../stages/bench.js';
import { jobsOf } from '../world/carriers.js';
import { tree } from '../world/tree.js';

const WEST = 'Etc/GMT+12';
const EAST = 'Etc/GMT-14';
const STAGES = ['verify-complete', 'hash', 'manifest', 'move'];

interface Row {
  folder: string;
  state: string;
  waits_job: string | null;
  waits_why: string | null;
}

async function benchIn(t: TestContext, options = {}): Promise<Bench> {
  const bench = await Bench.open({ timezone: WEST, successMarkers: true, ...options });
  t.after(() => bench.close());
  return bench;
}

async function through(bench: Bench, stages: readonly string[], max = 10): Promise<void> {
  for (const stage of stages) await bench.step(stage, max);
}

/** One round of a worker; answers what it told. */
async function close(bench: Bench, backend: Backend = bench.backend, periods = new Periods()): Promise<string[]> {
  const files = new FeedFiles(bench.feed.roots);
  const told: string[] = [];
  try {
    const emit = (event: string, { marked, folder }: Record<string, unknown>) =>
      told.push(`${event} ${marked} ${String(folder).slice(bench.world.root.length + 1)}`);
    await periods.close({ backend, emit, files }, bench.feed.options, () => false);
  } finally {
    files.close();
  }
  return told;
}

const rows = (bench: Bench): Row[] =>
  bench.backend.read((r) => r.all<Row>('SELECT folder, state, waits_job, waits_why FROM periods ORDER BY folder'));
const states = (bench: Bench): string[] => rows(bench).map(({ state }) => state);
/** Markers and tokens, below the world's root. */
const markers = (bench: Bench): string[] =>
  tree(bench.world.root)
    .map(({ path }) => path as string)
    .filter((path) => /(_SUCCESS|\.ingest-success)$/.test(path) && !path.startsWith('input'));

test('an hour is marked when the last of its files is stored, and then its day; a folder that is gone is not made again', async (t) => {
  const bench = await benchIn(t);
  for (const name of ['a', 'b']) await bench.arrive(bench.world.drop(`${name}.csv`, 100));
  await through(bench, STAGES.slice(0, 3));
  const periods = new Periods();
  assert.deepEqual(await close(bench, bench.backend, periods), []);
  assert.deepEqual(states(bench), ['open', 'open']);

  await bench.reconfigure({ timezone: EAST });
  await close(bench, bench.backend, periods);
  const [a, b] = jobsOf(bench.backend);
  const [hour, day] = rows(bench);
  assert.deepEqual([hour!.state, hour!.waits_job, day!.waits_job], ['closed', a!.id, a!.id]);
  await bench.step('move', 1);
  await close(bench, bench.backend, periods);
  assert.equal(rows(bench)[0]!.waits_job, b!.id);
  assert.deepEqual(markers(bench), []);
  await bench.step('move', 1);
  rmSync(hour!.folder, { recursive: true });
  const told = await close(bench, bench.backend, periods);
  assert.equal(told.length, 2);
  assert.match(told[0]!, /^period_closed false manifests/);
  assert.match(told[1]!, /^period_closed true warehouse/);
  assert.deepEqual(markers(bench), [`${day!.folder.slice(bench.world.root.length + 1)}/_SUCCESS`]);
  assert.equal(existsSync(hour!.folder), false);
  assert.deepEqual(await close(bench), []);
});

test('a process that dies at any commit of a marker leaves one that appears once, although a reader takes each away', async (t) => {
  for (let diesAt = 1; ; diesAt++) {
    const bench = await benchIn(t);
    await bench.arrive(bench.world.drop('a.csv', 100));
    await through(bench, STAGES);
    await bench.reconfigure({ timezone: EAST });
    const seen: string[] = [];
    const takeAway = () => {
      for (const path of markers(bench).filter((one) => one.endsWith('_SUCCESS'))) {
        seen.push(path);
        rmSync(join(bench.world.root, path));
      }
    };
    const died = await close(bench, mortal(bench.backend, diesAt)).then(
      () => false,
      (error) => error instanceof Died || Promise.reject(error),
    );
    takeAway();
    await bench.die();
    for (let round = 0; round < 2; round++) {
      await close(bench);
      takeAway();
    }
    assert.deepEqual(states(bench), ['marked', 'marked'], `died at ${diesAt}`);
    assert.equal(seen.length, 2, `died at ${diesAt}: ${seen}`);
    assert.deepEqual(markers(bench), [], `died at ${diesAt}`);
    if (!died) return t.diagnostic(`${diesAt - 1} deaths`);
  }
});

test('a living process keeps what it has begun: another one makes no second marker', async (t) => {
  const bench = await benchIn(t);
  await bench.arrive(bench.world.drop('a.csv', 100));
  await through(bench, STAGES);
  await bench.reconfigure({ timezone: EAST });
  await bench.backend.transact((tx) => tx.run("UPDATE periods SET state = 'closed', owner = ?", bench.backend.owner));
  const other = new Proxy(bench.backend, {
    get: (target, name) => {
      if (name === 'owner') return target.owner + 1;
      const value = target[name as keyof Backend];
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
  assert.deepEqual(await close(bench, other), []);
  assert.deepEqual(markers(bench), []);
  assert.equal((await close(bench)).length, 2);
});

for (const straight of [true, false])
  test(`a clock that is set back puts no line into a closed hour: ${straight ? 'planned ahead' : 'each stage by itself'}`, async (t) => {
    const bench = await benchIn(t);
    await bench.arrive(bench.world.drop('a.csv', 100));
    await through(bench, STAGES);
    await bench.reconfigure({ timezone: EAST });
    await close(bench);
    assert.deepEqual(states(bench), ['marked', 'marked']);
    await bench.reconfigure({ timezone: WEST });
    await bench.arrive(bench.world.drop('b.csv', 100));
    for (const stage of STAGES) await bench.step(stage, 10, undefined, straight);
    const [first, second] = bench.world.survey().lines.map(({ record }) => record!);
    assert.equal(bench.world.survey().lines.length, 2);
    const midnight = new Date(second!.ingested_at);
    assert.equal(
      midnight.getTime() - 12 * 3_600_000,
      Math.ceil((Date.now() - 12 * 3_600_000) / 86_400_000) * 86_400_000,
    );
    assert.notEqual(first!.warehouse_path.split('/').at(-2), second!.warehouse_path.split('/').at(-2));
    assert.deepEqual(states(bench).sort(), ['marked', 'marked', 'open', 'open']);
    bench.world.check();
  });

test('an hour that is closed while its lines are about to be planned gets none of them', async (t) => {
  const bench = await benchIn(t);
  await bench.arrive(bench.world.drop('a.csv', 100));
  await through(bench, STAGES.slice(0, 2));
  // Between the choice of an instant and the planning transaction, as when this process is stopped there.
  bench.prepare = (files) => {
    const { backend, feed } = bench;
    const look = files.entryOrNone.bind(files);
    files.entryOrNone = (directories, path) => {
      const folder = `${feed.options.warehouse}/${path.split('/')[0]}`;
      if (path.startsWith('ingest_date='))
        void backend.transact((tx) =>
          tx.run("INSERT OR IGNORE INTO periods VALUES (?, 'closed', 0, NULL, NULL, 0)", folder),
        );
      files.entryOrNone = look;
      return look(directories, path);
    };
  };
  await bench.step('manifest', 1);
  const [closed, ...others] = rows(bench).sort((a, b) => (a.state < b.state ? -1 : 1));
  assert.equal(closed!.state, 'closed');
  assert.equal(others.length, 2);
  assert.ok(!bench.world.manifest()[0]!.record!.warehouse_path.startsWith(`${closed!.folder}/`));
});

test('a line that is to be withdrawn is withdrawn before its hour is marked', async (t) => {
  const bench = await benchIn(t);
  for (const name of ['a', 'b']) await bench.arrive(bench.world.drop(`${name}.csv`, 100));
  await through(bench, STAGES.slice(0, 3));
  const line = bench.world.manifest()[1]!.record!;
  mkdirSync(join(line.warehouse_path, '..'), { recursive: true });
  writeFileSync(line.warehouse_path, 'of a stranger');
  await bench.step('move', 10);
  const held = jobsOf(bench.backend).find(({ state }) => state === 'held')!;
  assert.equal(held.id, line.ingest_id);
  await bench.reconfigure({ timezone: EAST });
  await close(bench);
  assert.deepEqual(await discardJobs(bench.backend, [held.id]), [true]);
  await close(bench);
  assert.deepEqual([states(bench)[0], rows(bench)[0]!.waits_job], ['closed', held.id]);
  assert.deepEqual(markers(bench), []);
  await bench.step('move', 10);
  assert.equal((await close(bench)).length, 2);
  assert.equal(bench.world.survey().withdrawn.has(held.id), true);
});

test('hours from before the option was set are marked too, ones without a line are not', async (t) => {
  const bench = await benchIn(t, { successMarkers: false });
  await bench.arrive(bench.world.drop('a.csv', 100));
  await through(bench, STAGES);
  mkdirSync(join(bench.feed.options.manifests, '2001/02/03/04'), { recursive: true });
  await bench.reconfigure({ timezone: EAST });
  await close(bench);
  assert.deepEqual(rows(bench), []);
  await bench.reconfigure({ successMarkers: true });
  assert.equal((await close(bench)).length, 2);
  assert.equal(markers(bench).length, 2);
});

test('a folder that cannot be written is told, and its marker comes when it can be', async (t) => {
  const bench = await benchIn(t);
  await bench.arrive(bench.world.drop('a.csv', 100));
  await through(bench, STAGES);
  await bench.reconfigure({ timezone: EAST });
  const { folder } = rows(bench)[0]!;
  const aside = join(bench.world.root, 'aside');
  renameSync(folder, aside);
  writeFileSync(folder, 'a file where the hour was');
  await close(bench);
  assert.match(rows(bench)[0]!.waits_why ?? '', /cannot be made there \(ENOTDIR\)/);
  assert.match(rows(bench)[1]!.waits_why ?? '', /^the hour /);
  rmSync(folder);
  renameSync(aside, folder);
  assert.equal((await close(bench)).length, 2);
});

for (const [name, target] of [
  ['_SUCCESS', '_SUCCESS~2'],
  ['_SUCCESS/x.csv', '_SUCCESS~2/x.csv'],
  ['deep/_SUCCESS', 'deep/_SUCCESS'],
] as const)
  test(`nothing that is delivered passes for a marker of its day: ${name}`, async (t) => {
    const bench = await benchIn(t, { preserveSubdirs: true });
    for (const straight of [true, false]) {
      await bench.arrive(bench.world.drop(name, 100));
      for (const stage of STAGES) await bench.step(stage, 10, undefined, straight);
    }
    const targets = bench.world.warehouse().map(({ path }) => path.slice(path.indexOf('/') + 1));
    assert.equal(targets[0], target);
    assert.equal(targets.length, 2);
    bench.world.check();
  });
