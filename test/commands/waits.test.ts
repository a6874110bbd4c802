/** Waiting files are counted by reason, and every view shows the same counts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../queue/limits.js';
import type { Report } from '../../src/service/status/report.js';
import { candidate } from '../queue/world.js';
import { browserFor, open } from '../service/dashboard/browser.js';
import { ingestServed } from '../service/dashboard/served.js';
import { withState } from '../world/hand.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const LONG = { withinMs: 60_000 };
const BATCH = 1_000;

async function report(world: World): Promise<Report> {
  return JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
}

const countsOf = ({ waits }: Report) => Object.fromEntries(waits.map(({ reason, files }) => [reason, files]));

/** Three files without their sidecar, and one with it that its uploader still writes. */
async function waiting(world: World): Promise<() => unknown> {
  for (const name of ['a.csv', 'b.csv', 'c.csv']) world.drop(name, 10);
  const writer = world.writer('open.csv');
  writer.write('not yet all');
  world.drop('open.csv.ok', '');
  await until('both reasons', async () => countsOf(await report(world)).writer_open === 1, LONG);
  return () => writer.close();
}

test('files without a sidecar, or with a writer, are counted by reason in every view', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  const served = await ingestServed(world, ['--mode', 'sidecar']);
  const close = await waiting(world);
  const { waits, findings } = await report(world);
  const known = waits.map(({ feed, reason, words, who, files }) => [feed, reason, words, who, files]);
  assert.deepEqual(known, [
    ['default', 'no_sidecar', 'no sidecar', 'uploader', 3],
    ['default', 'writer_open', 'open for writing', 'uploader', 1],
  ]);
  assert.ok(
    findings.every(({ severity }) => severity === 'notice'),
    'nobody here can act on it',
  );
  assert.match((await world.run('queue-stat')).stdout, /^waiting: 3 no sidecar.*, 1 open for writing/m);
  const line = /^INGEST OK - 4 files are on the way.*: 3 no sidecar.*, 1 open for writing.*; 0 held/;
  assert.match((await world.run('queue-stat', ['--check'])).stdout, line);
  const { body } = await served.ask('/metrics');
  assert.match(body, /^ingest_waiting_files\{feed="default",reason="no_sidecar",who="uploader"\} 3$/m);
  assert.match(body, /^ingest_waiting_files\{feed="default",reason="writer_open",who="uploader"\} 1$/m);
  assert.equal((await served.json<Report>('/stats')).waits.length, 2);

  const browser = await browserFor(t, 'what waits on the page');
  if (browser) {
    const { page, complaints } = await open(t, browser, served.url);
    const textOf = (id: string) =>
      page
        .locator(id)
        .textContent()
        .then((text) => text ?? '');
    await until('the figures', async () => /no sidecar/.test(await textOf('#waits')));
    assert.match(await textOf('#waits'), /^Waiting: 3 no sidecar \(the uploader has to act.*\), 1 open for writing \(/);
    assert.doesNotMatch(await textOf('#wrong-summary'), /Nothing is wrong/);
    assert.match(await textOf('#now'), /nothing complete waits/);
    assert.deepEqual(complaints, []);
  }
  await close();
  for (const name of ['a.csv', 'b.csv', 'c.csv']) world.drop(`${name}.ok`, '');
  await world.stored(4, LONG);
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
