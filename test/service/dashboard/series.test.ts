/** /series: counts stay at their time, ages grow while nothing is written, and a year of history costs no more than a day. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStateView } from '../../../src/ingest/ledger/open-state.js';
import type { StatsAnswer } from '../../../src/service/dashboard/answers.js';
import { type SeriesAnswer, seriesOf } from '../../../src/service/dashboard/data/series.js';
import { Snapshots } from '../../../src/service/dashboard/data/snapshots.js';
import { withHeldFile } from '../../commands/cases.js';
import { editDatabase } from '../../world/database.js';
import { PLAIN_SHELL } from '../../world/shell.js';
import { createWorld, type World } from '../../world/world.js';
import { anOrdinaryDay, DAY_MINUTES, makePast } from './made-history.js';
import { plansOf } from './plans.js';
import { dashboardAlone } from './served.js';

const shift = (world: World, seconds: number): void =>
  editDatabase(world.statePath, (db) => {
    for (const table of ['history', 'samples'])
      db.prepare(`UPDATE ${table} SET at_ms = at_ms + ?`).run(seconds * 1_000);
    db.prepare('UPDATE depths SET second = second + ?').run(seconds);
    db.prepare('UPDATE jobs SET created_ms = created_ms + ?').run(seconds * 1_000);
  });

test('a burst that is over is not moved to the moment of a reload, nor to the next file', async (t) => {
  const world = createWorld(t);
  for (let n = 0; n < 40; n++) world.drop(`${n}.csv`, 100 + n);
  await world.runOnce();
  const overMs = Date.now() - 600_000;
  shift(world, -600);
  const served = await dashboardAlone(world);
  const first = await served.json<SeriesAnswer>('/series');
  const busy = first.at.filter((_, i) => (first.files_per_second[i] ?? 0) > 0);
  assert.ok(busy.length > 0 && busy.every((iso) => Math.abs(Date.parse(iso) - overMs) < 180_000), busy.join());
  assert.equal(first.files_per_second.at(-1), 0);
  const { processed } = await served.json<StatsAnswer>('/stats');
  assert.deepEqual([processed.files_per_second, processed.bytes_per_second], [0, 0], 'the same as in the flow');
  assert.ok(first.files_per_second.includes(null), 'no figure is invented for the time before');

  world.drop('next.csv', 10);
  await world.runOnce();
  const then = await served.json<SeriesAnswer>('/series?hours=24');
  assert.ok(then.files_per_second.at(-1)! > 0, 'the next file has its own time');
  const peak = then.files_per_second.indexOf(Math.max(...then.files_per_second.map((rate) => rate ?? 0)));
  assert.ok(Math.abs(Date.parse(then.at[peak]!) - overMs) < 660_000, 'the burst keeps its own step');
});

test('waiting files grow older in the series, although nothing is written', async (t) => {
  const world = createWorld(t);
  await withHeldFile(world);
  shift(world, -7_200);
  const served = await dashboardAlone(world);
  const { oldest_age_seconds: ages, backlog_files: files, stages } = await served.json<SeriesAnswer>('/series');
  assert.ok(Math.abs(ages.at(-1)! - 7_200) < 120 && Math.abs(ages[0]! - 3_660) < 120, `${ages[0]} to ${ages.at(-1)}`);
  assert.ok(files.every((one) => one === 1));
  assert.deepEqual(
    stages.map(({ stage }) => stage),
    ['verify-complete'],
  );
});

test('a feed that does not exist and a time that is not kept are refused', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const served = await dashboardAlone(world);
  for (const query of ['feed=none', 'hours=2', 'hours=01', 'hours='])
    assert.equal((await served.ask(`/series?${query}`)).status, 400, query);
  assert.equal((await served.json<SeriesAnswer>('/series?feed=*&hours=1')).known_since, null);
});

/** Scans of tables that grow with the years. A partial index lists only jobs that are not done. */
const GROWS =
  /^SCAN (jobs|all_jobs|contents|samples|history|outputs)\b(?!.*INDEX (jobs_ready|jobs_claimed|jobs_waiting|jobs_held\w*|jobs_why))/;

test('neither a snapshot nor a series scans a table that grows with the years', async (t) => {
  const world = createWorld(t);
  for (let n = 0; n < 5; n++) world.drop(`${n}.csv`, 100 + n);
  await withHeldFile(world);
  makePast(world.statePath, { feeds: ['default', 'orders'], minutes: DAY_MINUTES, at: anOrdinaryDay });
  const view = await openStateView(world.statePath);
  t.after(() => view.close());
  const plans = plansOf(world.statePath, () => {
    new Snapshots(view, world.statePath, PLAIN_SHELL).take();
    for (const feed of ['*', 'orders']) for (const hours of [1, 24]) seriesOf(view, feed, hours);
  });
  assert.deepEqual(
    plans.filter((plan) => GROWS.test(plan)),
    [],
  );
});

test('a series reads at most a sample a minute, however many there are', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  makePast(world.statePath, { feeds: ['default'], minutes: 3 * DAY_MINUTES, at: anOrdinaryDay });
  const view = await openStateView(world.statePath);
  t.after(() => view.close());
  assert.ok(view.samples('*', 3_600_000).length <= 64);
  assert.ok(view.samples('*', 24 * 3_600_000).length <= 24 * 60 + 4);
});
