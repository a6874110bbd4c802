/** What is shown of feeds with a chain, from a real state: counts, another header, a chain that cannot be loaded. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Tx } from '../../../queue/backend.js';
import { countProcessed } from '../../../src/ingest/chains/counts.js';
import { noteHeader, type Processed } from '../../../src/ingest/chains/recorded-outputs.js';
import type { Report } from '../../../src/service/status/report.js';
import { editDatabase } from '../../world/database.js';
import { withState } from '../../world/hand.js';
import { createWorld, type World } from '../../world/world.js';
import { dashboardAlone } from '../dashboard/served.js';

const FEED = 'default';

/** A state whose feed has a chain; what its files were made into is written by `act`, as the stage writes it. */
async function chained(t: TestContext, act: (tx: Tx) => void = () => {}): Promise<World> {
  const world = createWorld(t);
  await world.runOnce();
  await withState(world.statePath, async (backend) => {
    const { options } = backend.feeds()[0]!;
    await backend.putFeed(FEED, { ...options, process: { format: 'csv', start: 'check', steps: {} } });
    await backend.transact(act);
  });
  return world;
}

const made = (rows: number, rejected: number, sizes: readonly number[]): Processed => ({
  ...{ isOriginal: true, claimNo: 1, chain: 'check', version: '', rows, rejected, columns: 3, headerSha256: null },
  outputs: sizes.map((size, i) => ({
    ...{ n: i + 1, tag: 'x', suffix: '.x.csv', rows, size, sha256: Buffer.alloc(32), device: '1', inode: '1' },
    target: null,
  })),
});

async function report(world: World, args: string[] = []): Promise<Report> {
  const { code, stdout, stderr } = await world.run('queue-stat', ['--json', ...args]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Report;
}

test('records, rejected ones and outputs are counted once a file, and are the same for people, programs and Prometheus', async (t) => {
  const world = await chained(t, (tx) => {
    countProcessed(tx, FEED, made(1_000, 10, [500, 600]));
    countProcessed(tx, FEED, made(500, 0, [48]));
  });
  editDatabase(world.statePath, (db) => void db.exec("UPDATE history SET counters = '[]', at_ms = at_ms - 10000"));
  const { records, stages } = await report(world);
  assert.ok(stages.some(({ stage }) => stage === 'process'));
  const [{ records_per_second: rate, ...counts }] = records as [Report['records'][number]];
  assert.deepEqual(counts, { feed: FEED, records: 1_500, rejected: 10, outputs: 3, output_bytes: 1_148 });
  assert.ok(rate > 20 && rate <= 150, `${rate} records/s`);
  const { stdout } = await world.run('queue-stat', ['--all']);
  assert.match(stdout, /^records: 1500 \(10 rejected\), 3 outputs \(1\.1 KiB\); [\d.]+ records\/s$/m);

  const served = await dashboardAlone(world);
  const { body } = await served.ask('/metrics');
  for (const [name, value] of [
    ['records', 1_500],
    ['records_rejected', 10],
    ['outputs', 3],
    ['output_bytes', 1_148],
  ])
    assert.ok(body.includes(`\ningest_${name}_total{feed="${FEED}"} ${value}\n`), `${name}\n${body}`);
  const stats = await served.json<{ records: Report['records'] }>('/stats');
  assert.equal(stats.records[0]!.records, 1_500);
});

test('a feed that has a chain counts from nothing on; one without has no such figures and no such stage', async (t) => {
  const world = await chained(t);
  const { records } = await report(world);
  assert.deepEqual(
    records.map(({ feed, records: count }) => [feed, count]),
    [[FEED, 0]],
  );
  const { body } = await (await dashboardAlone(world)).ask('/metrics');
  assert.ok(body.includes(`\ningest_records_total{feed="${FEED}"} 0\n`));
  const plain = createWorld(t);
  await plain.runOnce();
  const without = await report(plain);
  assert.deepEqual(without.records, []);
  assert.ok(without.stages.every(({ stage }) => stage !== 'process'));
  assert.doesNotMatch((await plain.run('queue-stat', ['--all'])).stdout, /records/);
});

test('a header that is another one than before is a notice for a day; the first one is none', async (t) => {
  const world = await chained(t, (tx) => {
    noteHeader(tx, FEED, 'a', ['id', 'amount']);
    noteHeader(tx, FEED, 'a', ['id', 'amount']);
  });
  const told = async (): Promise<Report['findings']> =>
    (await report(world, ['--feed', FEED])).findings.filter(({ code }) => code === 'header_changed');
  assert.deepEqual(await told(), []);
  await withState(world.statePath, (backend) =>
    backend.transact((tx) => void noteHeader(tx, FEED, 'b', ['id', 'a\u001b[2Jmount'])),
  );
  const [finding] = await told();
  assert.equal(finding!.severity, 'notice');
  assert.match(finding!.sentence, /^The header of default is not that of its files before: id,amount → id,a.*mount\.$/);
  assert.match(
    (await world.run('queue-stat')).stdout,
    /notice for [\d.]+s: The header of default [\s\S]*a\\u001b\[2Jmount/,
  );
  editDatabase(world.statePath, (db) => void db.exec('UPDATE headers SET changed_ms = changed_ms - 86400000'));
  assert.deepEqual(await told(), []);
});

test('a chain that cannot be loaded keeps files, says which module and what to do', async (t) => {
  const reason = 'the chain of feed default cannot be loaded: the module /etc/orders.mjs has no step "route"';
  const world = await chained(t, (tx) => {
    const gate = { feed: FEED, stage: 'process', cause: 'place' as const, place: 'process' };
    tx.closeGate({ ...gate, code: 'unloadable', reason, probeInMs: 1_000_000 });
  });
  const { findings } = await report(world);
  const [finding] = findings.filter(({ code }) => code === 'unloadable');
  assert.equal(finding!.severity, 'stuck');
  assert.equal(finding!.sentence, `process of default is closed, unloadable: ${reason}; 0 files wait.`);
  assert.match(finding!.release, /^Correct the module: .* restart the service/);
});
