/** Waiting files are counted by reason, and every view shows the same counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { limits } from '../../queue/limits.js';
import type { Report } from '../../src/service/status/report.js';
import { candidate } from '../queue/world.js';
import { browserFor, open } from '../service/dashboard/browser.js';
import { ingestServed } from '../service/dashboard/served.js';
import { withState } from '../world/hand.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const BATCH = 1_000;

async function report(world: World): Promise<Report> {
  return JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
}

const countsOf = ({ waits }: Report) => Object.fromEntries(waits.map(({ reason, files }) => [reason, files]));
const wordsOf = ({ waits }: Report) =>
  waits.map(({ feed, words, who, files }) => `${feed}: ${files} ${words} (${who})`);

/** Three files without their sidecar, and one with it that its uploader still writes. */
async function waiting(world: World): Promise<() => unknown> {
  for (const name of ['a.csv', 'b.csv', 'c.csv']) world.drop(name, 10);
  const writer = world.writer('open.csv');
  writer.write('not yet all');
  world.drop('open.csv.ok', '');
  await until('both reasons', async () => countsOf(await report(world)).writer_open === 1);
  return () => writer.close();
}

/** Waits until a view shows it: a file that is looked at just then has no reason, and a snapshot is a second old. */
async function shows(view: string, ask: () => Promise<string>, wanted: RegExp): Promise<void> {
  let seen = '';
  const isThere = async () => {
    seen = await ask();
    return wanted.test(seen);
  };
  await until(`${view} to show ${wanted}`, isThere, { soFar: () => seen });
}

test('files without a sidecar, or with a writer, are counted by reason in every view', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  const served = await ingestServed(world, ['--mode', 'sidecar']);
  const close = await waiting(world);
  const all = ['default: 3 no sidecar (uploader)', 'default: 1 open for writing (uploader)'];
  await until('all four', async () => isDeepStrictEqual(wordsOf(await report(world)), all));
  const { findings } = await report(world);
  assert.ok(
    findings.every(({ severity }) => severity === 'notice'),
    'nobody here can act on it',
  );
  const said = (args: string[], wanted: RegExp) =>
    shows(`queue-stat ${args.join(' ')}`, async () => (await world.run('queue-stat', args)).stdout, wanted);
  await said([], /^waiting: 3 no sidecar.*, 1 open for writing/m);
  await said(['--check'], /^INGEST OK - 4 files are on the way.*: 3 no sidecar.*, 1 open for writing.*; 0 held/);
  const metrics = async () => (await served.ask('/metrics')).body;
  const line = (reason: string) => `^ingest_waiting_files\\{feed="default",reason="${reason}",who="uploader"\\}`;
  const lines = `${line('no_sidecar')} 3$[^]*${line('writer_open')} 1$`;
  await shows('/metrics', metrics, new RegExp(lines, 'm'));
  await until('/stats', async () => isDeepStrictEqual(wordsOf(await served.json<Report>('/stats')), all));

  const browser = await browserFor(t, 'what waits on the page');
  if (browser) {
    const { page, complaints } = await open(t, browser, served.url);
    const textOf = (id: string) =>
      page
        .locator(id)
        .textContent()
        .then((text) => text ?? '');
    const both = /^Waiting: 3 no sidecar \(the uploader has to act.*\), 1 open for writing \(/;
    await shows('the page', () => textOf('#waits'), both);
    assert.doesNotMatch(await textOf('#wrong-summary'), /Nothing is wrong/);
    assert.match(await textOf('#now'), /nothing complete waits/);
    assert.deepEqual(complaints, []);
  }
  await close();
  for (const name of ['a.csv', 'b.csv', 'c.csv']) world.drop(`${name}.ok`, '');
  await world.stored(4);
  assert.deepEqual((await report(world)).waits, []);
});

test('a file that waits for its sidecar for an hour is a notice, although its stage has not looked at it yet', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  world.drop('lonely.csv', 10);
  await world.runOnce(['--mode', 'sidecar']);
  const codes = async () => (await report(world)).findings.map(({ code, severity }) => `${code} ${severity}`);
  assert.deepEqual(await codes(), ['nobody notice']);
  await withState(world.statePath, async (backend) => {
    await backend.transact((tx) => tx.run('UPDATE jobs SET created_ms = created_ms - 3700000'));
  });
  assert.deepEqual(await codes(), ['nobody notice', 'no_sidecar notice']);
});

test('a paused stage, new files in their quiet window, and more files than are counted', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const enqueue = (count: number, name: string, why?: string) =>
    withState(world.statePath, async (backend) => {
      const of = (i: number) => candidate(`${name} ${i}`, { dueInMs: 60_000, ...(why !== undefined && { why }) });
      const all = Array.from({ length: count }, (_, i) => of(i));
      for (let at = 0; at < count; at += BATCH) await backend.enqueue(all.slice(at, at + BATCH));
    });
  await enqueue(5, 'new');
  assert.deepEqual(countsOf(await report(world)), { window: 5 });
  assert.equal((await world.run('ingest-ctl', ['pause', 'verify-complete'])).code, 0);
  assert.deepEqual(countsOf(await report(world)), { paused: 5 });
  assert.equal((await world.run('ingest-ctl', ['resume', 'verify-complete'])).code, 0);
  await enqueue(limits.reasonJobsMax + 1, 'lonely', 'no_sidecar');
  const { waits } = await report(world);
  assert.deepEqual(
    waits.map(({ reason, files, at_least: isLeast }) => [reason, files, isLeast]),
    [['no_sidecar', limits.reasonJobsMax, true]],
  );
  assert.match((await world.run('queue-stat')).stdout, /^waiting: at least 10000 no sidecar/m);
});
