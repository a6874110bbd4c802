/** An expected delivery that does not come in time: the alarm starts at the deadline and ends when the file has come. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ClaimedJob, Outcome } from '../../../queue/backend.js';
import type { FeedOptions } from '../../../src/base/config/options.js';
import { parseExpectation } from '../../../src/base/config/values/expect.js';
import { arrivalsOf, enterExpectations, noteArrival } from '../../../src/ingest/ledger/arrivals.js';
import { openStateView } from '../../../src/ingest/ledger/open-state.js';
import { notingArrivals } from '../../../src/ingest/worker/arrivals.js';
import { limits } from '../../../src/service/alarms/limits.js';
import type { Message } from '../../../src/service/alarms/message.js';
import type { Report } from '../../../src/service/status/report.js';
import { Control, compilePreload } from '../../crash/control.js';
import { candidate } from '../../queue/world.js';
import { until } from '../../world/waiting.js';
import { createWorld } from '../../world/world.js';
import { Told, Web } from './receiver.js';

const HOUR = 3_600_000;
const SOON = limits.absentOfProducerMs + limits.messageEveryMs + limits.collectMs + 2 * limits.lookEveryMs;

test('a week of deadlines: one alarm for each missed one, until its file comes; restarts change nothing', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web); // Monday, 05:00
  const expect = [parseExpectation('orders-*.csv by 06:30 on mon-fri')!, parseExpectation('clicks every 36h')!];
  const feed = { name: 'default', input: '/in', timezone: 'UTC', expect };
  await told.worker.putFeed('default', feed);
  await enterExpectations(told.worker, feed);
  await told.worker.transact((tx) => tx.run('UPDATE expectations SET since_ms = ?', told.clock.wallMs()));
  const arrive = (glob: string) =>
    told.worker.transact((tx) =>
      tx.run('UPDATE expectations SET arrived_ms = ? WHERE glob = ?', told.clock.wallMs(), glob),
    );
  const until = async (ms: number) => {
    told.clock.now = ms;
    await told.pass(SOON);
  };
  await until(HOUR);
  assert.deepEqual(web.told, []);
  const lonely = ['orders-1.csv', 'sub/orders-2.csv', 'other.csv'];
  const isAtWork = candidate('orders-3.csv');
  await told.worker.enqueue([...lonely.map((name) => candidate(name, { why: 'no_sidecar' })), isAtWork]);
  await until(1.5 * HOUR);
  assert.deepEqual(web.told, ['began late_feed']);
  assert.match(
    web.messages[0]!.text,
    /default is late: orders-\*\.csv by 06:30 on mon\+tue\+wed\+thu\+fri \(UTC\) was due at 2026-03-02T06:30.+\. None has come yet\. 2 files are there, and only the sidecar is missing\./,
  );
  await told.die();
  await told.start();
  await until(3 * HOUR);
  assert.deepEqual(web.told, ['began late_feed']);
  await arrive('orders-*.csv');
  await arrive('clicks');
  await until(4 * HOUR);
  assert.deepEqual(web.told, ['began late_feed', 'ended late_feed']);
  // Tuesday's file comes in time, Wednesday's does not come; clicks are late 36 h after Monday, 08:00.
  await until(24 * HOUR);
  await arrive('orders-*.csv');
  await until(38 * HOUR);
  assert.equal(web.told.length, 2);
  await until(39.5 * HOUR);
  assert.equal(web.messages.at(-1)!.alarms[0]!.what, 'clicks every 36h');
  await arrive('clicks');
  await until(49.4 * HOUR);
  assert.equal(web.told.length, 4);
  await until(49.5 * HOUR);
  assert.equal(web.told.length, 5);
  await until(60 * HOUR);
  assert.deepEqual(web.told.slice(2), ['began late_feed', 'ended late_feed', 'began late_feed']);
});

test('a restart of a producer repeats nothing; a removed feed is no longer late', async (t) => {
  const web = await Web.open(t);
  const told = await Told.open(t, web);
  const feed = {
    name: 'default',
    input: '/in',
    timezone: 'UTC',
    expect: ['x by 06:30', 'x by 06:30'].map((text) => parseExpectation(text)!),
  };
  const [first, second] = [await told.owner('producer'), await told.owner('producer')];
  await enterExpectations(first, feed);
  await first.putFeed('default', feed);
  await first.transact((tx) => tx.run('UPDATE expectations SET since_ms = ?', told.clock.wallMs()));
  told.clock.now += 2 * HOUR;
  await told.pass(SOON);
  await told.leave(first);
  await told.pass(limits.absentOfProducerMs / 2);
  await enterExpectations(second, feed);
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began late_feed']);
  await told.leave(second);
  await told.pass(SOON);
  assert.deepEqual(web.told, ['began late_feed', 'ended late_feed']);
});

test('a removed expectation is forgotten, and is no longer late', async (t) => {
  const told = await Told.open(t, await Web.open(t));
  const feed = (globs: string[]) => ({ name: 'a', expect: globs.map((glob) => ({ glob, everyMs: HOUR })) });
  await enterExpectations(told.worker, feed(['x', 'y']));
  await told.worker.transact((tx) => noteArrival(tx, 'a', 'y'));
  const [, before] = arrivalsOf(told.worker, 'a');
  await enterExpectations(told.worker, feed(['y', 'z']));
  const [y, z] = arrivalsOf(told.worker, 'a');
  assert.deepEqual(y, before);
  assert.equal(z!.arrivedMs, null);
});

test('a clock that was ahead leaves no time that would hide a late file', async (t) => {
  const told = await Told.open(t, await Web.open(t));
  const feed = { name: 'a', expect: [{ glob: 'x', everyMs: HOUR }] };
  await enterExpectations(told.worker, feed);
  const ahead = Date.now() + 30 * 24 * HOUR;
  await told.worker.transact((tx) => tx.run('UPDATE expectations SET since_ms = ?, arrived_ms = ?', ahead, ahead));
  await enterExpectations(told.worker, feed);
  const [{ sinceMs, arrivedMs } = assert.fail()] = arrivalsOf(told.worker, 'a');
  assert.ok(sinceMs <= Date.now() && arrivedMs! <= Date.now());
});

test('an expected file has arrived when it is stored, and not again when it is published', async (t) => {
  const told = await Told.open(t, await Web.open(t));
  const feed = { name: 'default', input: '/in', expect: [parseExpectation('x by 06:30')!] } as unknown as FeedOptions;
  await enterExpectations(told.worker, feed);
  const settled = async (stage: string, outcome: Outcome): Promise<boolean> => {
    await told.worker.transact((tx) => tx.run('UPDATE expectations SET arrived_ms = NULL'));
    const job = { id: 'J', key: Buffer.from('x'), stage, payload: {} } as unknown as ClaimedJob;
    const also = notingArrivals(feed, [job], undefined)!;
    await told.worker.transact((tx) => also(tx, new Map([['J', outcome]])));
    return arrivalsOf(told.worker, 'default')[0]!.arrivedMs !== null;
  };
  assert.ok(await settled('move', { kind: 'advance' }));
  assert.ok(await settled('hash', { kind: 'finish', ending: 'duplicate' }));
  assert.ok(!(await settled('hash', { kind: 'advance' })));
  assert.ok(!(await settled('publish', { kind: 'advance' })));
  assert.ok(!(await settled('publish', { kind: 'finish', ending: 'stored' })));
});

test('ingest sends an alarm for a late feed at the deadline; a file that matches ends it, a duplicate too', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0, timezone: 'Europe/Berlin' } });
  const library = compilePreload(world.root);
  if (library === undefined) {
    t.skip('no gcc, so the clock cannot be moved: a file that is late was not tested');
    return;
  }
  const control = new Control(join(world.root, 'control'));
  t.after(() => control.close());
  const env = { LD_PRELOAD: library, CRASH_CONTROL: control.path };
  const moveTo = (iso: string) => control.set('wall_ns', (Date.parse(iso) - Date.now()) * 1e6);
  const web = await Web.open(t);
  moveTo('2026-03-04T04:00:00Z');
  const expects = ['--expect', 'orders-*.csv by 06:30 on mon-fri', '--expect', 'draft-* by 06:30'];
  world.start('ingest', ['--notify-webhook', web.url, ...expects], { env });
  world.drop('draft-1.csv', 100);
  await world.stored(1);
  moveTo('2026-03-04T05:30:00Z');
  await until('the alarm to be sent', () => web.bodies.length > 0);
  const [late, ...more] = web.messages.flatMap(({ alarms }: Message) => alarms);
  assert.deepEqual(
    [late!.code, late!.feed, late!.since, more.length],
    ['late_feed', 'default', '2026-03-04T05:30:00.000Z', 0],
  );
  const lateNow = async (): Promise<string[]> => {
    const { stdout } = await world.run('queue-stat', ['--json'], { env });
    return (JSON.parse(stdout) as Report).findings.filter(({ code }) => code === 'late_feed').map(({ what }) => what!);
  };
  assert.equal((await lateNow()).length, 1);
  world.drop('sub/other.csv', 100);
  await world.stored(2);
  assert.equal((await lateNow()).length, 1);
  world.drop('sub/orders-1.csv', 'of today');
  await world.stored(3);
  await until('it to be no longer late', async () => (await lateNow()).length === 0);
  moveTo('2026-03-05T06:00:00Z');
  assert.equal((await lateNow()).length, 2);
  world.drop('orders-2.csv', 'of today');
  await until('the duplicate to count', async () => (await lateNow()).length === 1);
  await world.stop();
  const view = await openStateView(world.statePath);
  assert.equal(arrivalsOf(view, 'default').length, 2);
  await view.close();
});
