/** Hours and days are closed, waited for and marked, one step at a time. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Backend } from '../../../queue/backend.js';
import { contentByRow, insertContent } from '../../../src/ingest/ledger/content.js';
import { Periods } from '../../../src/ingest/periods/close.js';
import type { ByteName } from '../../../src/linux/names.js';
import { discardJobs } from '../../../src/tools/exceptions/discard.js';
import { jobsOf } from '../../world/carriers.js';
import { workDirOf } from '../../world/layout.js';
import { type Bench, Died, mortal } from '../stages/bench.js';
import { benchIn, close, EAST, markers, rows, STAGES, states, through } from './rounds.js';

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
  const events = await close(bench, bench.backend, periods);
  assert.equal(events.length, 2);
  assert.match(events[0]!, /^period_closed false manifests/);
  assert.match(events[1]!, /^period_closed true warehouse/);
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

test('a day gets no marker while files of a discarded content may lie in it, although its hour has one', async (t) => {
  const bench = await benchIn(t);
  for (const name of ['a', 'b']) await bench.arrive(bench.world.drop(`${name}.csv`, 100));
  await through(bench, STAGES.slice(0, 3));
  await bench.step('move', 1);
  rmSync(join(workDirOf(bench.world.feed()), 'underprocess'), { recursive: true });
  await bench.step('move', 10);
  const held = jobsOf(bench.backend).find(({ state }) => state === 'held')!;
  assert.deepEqual(await discardJobs(bench.backend, [held.id]), [true]);
  // Its line is taken back, and its process dies before its files are put away.
  await bench.step('move', 10, 5);
  assert.equal(bench.world.survey().withdrawn.has(held.id), true);
  await bench.reconfigure({ timezone: EAST });
  assert.equal((await close(bench)).length, 1);
  assert.match(rows(bench)[1]!.waits_why ?? '', /\/b\.csv, which was given up$/);
  await bench.step('move', 10);
  assert.equal((await close(bench)).length, 1);
  assert.deepEqual(states(bench), ['marked', 'marked']);
});

test('a day whose only file was discarded before it came there gets no marker, and its hour gets one', async (t) => {
  const bench = await benchIn(t);
  await bench.arrive(bench.world.drop('a.csv', 100));
  await through(bench, STAGES.slice(0, 3));
  rmSync(join(workDirOf(bench.world.feed()), 'underprocess'), { recursive: true });
  await bench.step('move', 10);
  const [held] = jobsOf(bench.backend);
  assert.deepEqual(await discardJobs(bench.backend, [held!.id]), [true]);
  await bench.step('move', 10);
  await bench.reconfigure({ timezone: EAST });
  const events = await close(bench);
  assert.deepEqual(
    events.map((event) => event.split('/')[0]),
    ['period_closed true manifests', 'period_closed false warehouse'],
  );
});

test('an hour gets no marker while any process writes one of its lines', async (t) => {
  const bench = await benchIn(t);
  await bench.arrive(bench.world.drop('a.csv', 100));
  await through(bench, STAGES.slice(0, 2));
  await bench.step('manifest', 1, 2);
  await bench.backend.rescue();
  await bench.reconfigure({ timezone: EAST });
  await close(bench);
  assert.deepEqual([states(bench)[0], rows(bench)[0]!.waits_job !== null], ['closed', true]);
  const [open] = bench.backend.read((r) => r.all<{ file: string }>('SELECT file FROM appends'));
  // As if its job was discarded meanwhile: no content belongs to the line any more.
  await bench.backend.transact((tx) => tx.run("UPDATE contents SET state = 'stored'"));
  await close(bench);
  assert.equal(rows(bench)[0]!.waits_why, `a line that is being written to ${open!.file}`);
  assert.deepEqual(markers(bench), []);
  await bench.redoAppends();
  assert.equal((await close(bench)).length, 2);
  assert.equal(bench.world.manifest().length, 1);
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

/** Contents of a feed with lines in the hour of the first one. */
async function others(bench: Bench, feed: string, count: number, state: 'manifested' | 'stored'): Promise<number[]> {
  return bench.backend.transact((tx) => {
    const { row: first } = tx.get<{ row: number }>('SELECT min(row) AS row FROM contents')!;
    const content = contentByRow(tx, first)!;
    return Array.from({ length: count }, (_, n) => {
      const target = `${dirname(content.target!.toString())}/${feed}-${String(n).padStart(5, '0')}.csv` as ByteName;
      const sha256 = randomBytes(32);
      return insertContent(tx, {
        ...content,
        feed,
        sha256,
        target: Buffer.from(target),
        state,
        carrier: `JOB-${n}`,
      });
    });
  });
}

test('feeds that share manifests are waited for together, in the zone of each', async (t) => {
  const bench = await benchIn(t);
  await bench.arrive(bench.world.drop('a.csv', 100));
  await through(bench, STAGES);
  const sharing = { ...bench.feed.options, name: 'sharing', successMarkers: false };
  await bench.backend.putFeed('sharing', sharing);
  const [row] = await others(bench, 'sharing', 1, 'manifested');
  await bench.reconfigure({ timezone: EAST });
  await close(bench);
  assert.deepEqual(states(bench), ['open', 'open']);
  await bench.backend.putFeed('sharing', { ...sharing, timezone: EAST });
  await close(bench);
  assert.deepEqual(states(bench), ['closed', 'closed']);
  assert.equal(rows(bench)[0]!.waits_job, 'JOB-0');
  await bench.backend.transact((tx) => tx.run("UPDATE contents SET state = 'stored' WHERE row = ?", row));
  assert.equal((await close(bench)).length, 2);
});

test('a wait is written once, however often the day is checked and whatever is stored in it', async (t) => {
  const bench = await benchIn(t);
  await bench.arrive(bench.world.drop('a.csv', 100));
  await through(bench, STAGES);
  await others(bench, 'default', 900, 'stored');
  await others(bench, 'z', 1, 'manifested');
  const [row] = await others(bench, 'default', 1, 'manifested');
  await bench.reconfigure({ timezone: EAST });
  let writes = 0;
  const counting = new Proxy(bench.backend, {
    get: (target, name) => {
      if (name === 'transact') writes++;
      const value = target[name as keyof Backend];
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
  const periods = new Periods();
  await close(bench, counting, periods);
  writes = 0;
  await close(bench, counting, periods);
  assert.equal(writes, 0, 'a wait is written once');
  assert.deepEqual(states(bench), ['closed', 'closed']);
  await bench.backend.transact((tx) => tx.run("UPDATE contents SET state = 'stored' WHERE row = ?", row));
  assert.equal((await close(bench, counting, periods)).length, 2);
});

test('a folder that cannot be written is logged, and its marker comes when it can be written', async (t) => {
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
