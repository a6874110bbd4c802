/** A hundred pages cost as much as one. A page that does not read is dropped and delays no other. */
import assert from 'node:assert/strict';
import { type ClientRequest, createServer, request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { openStateView } from '../../../src/ingest/ledger/open-state.js';
import { limits } from '../../../src/service/dashboard/data/limits.js';
import { Snapshots } from '../../../src/service/dashboard/data/snapshots.js';
import { Stream } from '../../../src/service/dashboard/stream.js';
import { PLAIN_SHELL } from '../../world/shell.js';
import { until } from '../../world/waiting.js';
import { createWorld } from '../../world/world.js';
import { dashboardAlone, Served } from './served.js';

interface OpenPage {
  /** The number of snapshots that it got. */
  snapshots: number;
  status: number | undefined;
  request: ClientRequest;
}

function pageOf({ port, host }: Served): OpenPage {
  const sent = request({ port, host, path: '/events', agent: false });
  // The first message is no snapshot: it has the time after which to reconnect.
  const page: OpenPage = { snapshots: -1, status: undefined, request: sent };
  sent.on('response', (response) => {
    page.status = response.statusCode;
    // An empty line ends each message; it may come in two pieces.
    let rest = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      page.snapshots += `${rest}${text}`.split('\n\n').length - 1;
      rest = text.endsWith('\n\n') ? '' : text.slice(-1);
    });
    response.on('error', () => {});
  });
  sent.on('error', () => {}).end();
  return page;
}

test('snapshots are shared: one a second, however many ask', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  const view = await openStateView(world.statePath);
  t.after(() => view.close());
  let nowMs = 0;
  const snapshots = new Snapshots(view, world.statePath, PLAIN_SHELL, () => nowMs);
  for (let i = 0; i < 1_000; i++) snapshots.take();
  assert.equal(snapshots.count, 1);
  for (let second = 1; second <= 10; second++) {
    nowMs = second * limits.snapshotEveryMs;
    for (let i = 0; i < 100; i++) snapshots.take();
  }
  assert.equal(snapshots.count, 11);
});

test('a hundred open pages get the snapshots that one page needs', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  const served = await dashboardAlone(world);
  const first = pageOf(served);
  await until('its first snapshots', () => first.snapshots >= 3);
  const pages = Array.from({ length: 99 }, () => pageOf(served));
  await until('each page to get two snapshots', () => pages.every(({ snapshots }) => snapshots >= 2));
  const before = first.snapshots;
  const counted = pages.map(({ snapshots }) => snapshots);
  await until('five snapshots', () => first.snapshots >= before + 5);
  for (const [i, { snapshots }] of pages.entries())
    assert.ok(Math.abs(snapshots - counted[i]! - (first.snapshots - before)) <= 1, 'each page gets the same snapshots');
  for (const page of [first, ...pages]) page.request.destroy();
});

test('a page beyond the limit is refused with 503', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  const served = await dashboardAlone(world);
  const pages = Array.from({ length: limits.streamsMax }, () => pageOf(served));
  await until('all of them', () => pages.every(({ snapshots }) => snapshots >= 1));
  assert.equal((await served.ask('/events')).status, 503);
  assert.equal((await served.ask('/stats')).status, 200);
  pages.pop()!.request.destroy();
  await until('room for one more', async () => {
    const page = pageOf(served);
    await until('an answer', () => page.status !== undefined);
    page.request.destroy();
    return page.status === 200;
  });
  for (const page of pages) page.request.destroy();
});

test('a page that does not read is skipped, then dropped; the others get every snapshot', async (t) => {
  const stream = new Stream();
  const server = createServer((_request, response) => assert.ok(stream.add(response, '"first"')));
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const served = new Served(port);
  const [reads, deaf] = [pageOf(served), connect(port, '127.0.0.1').on('error', () => {})];
  deaf.pause();
  deaf.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until('both', () => stream.size === 2 && reads.snapshots === 1);
  // More than the buffers of two sockets hold.
  const large = JSON.stringify('x'.repeat(8 << 20));
  for (let told = 1; stream.size === 2; told++) {
    assert.ok(told <= limits.skippedSnapshotsMax + 2, 'it is not dropped');
    stream.send(large);
    await until('the page that reads', () => reads.snapshots === told + 1);
  }
  assert.equal(stream.size, 1);
  reads.request.destroy();
  deaf.destroy();
});
