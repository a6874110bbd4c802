/** An operator's view of files that go through a chain: exact counts through kills, a changed header, a chain that cannot be loaded. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Report } from '../../src/service/status/report.js';
import { BY_COUNTRY, changeChain, orders } from '../world/chains.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const QUICK = { stabilitySeconds: 0, quietMs: 0 };

const report = async (world: World): Promise<Report> =>
  JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;

test('counts are those of the lines, although all is killed again and again meanwhile', async (t) => {
  const world = createWorld(t, { feeds: { orders: { options: { ...QUICK, process: BY_COUNTRY } } } });
  for (let n = 0; n < 60; n++) {
    const { text, made } = orders(`of ${n}`, 100 + n);
    world.made.set(world.drop(`${n}.csv`, text).sha256, made);
  }
  for (const count of [5, 20, 40]) {
    const since = world.log.all.length;
    world.start('ingest');
    await world.event('file_processed', () => world.log.named('file_processed').length >= count, { since });
    await world.killAll();
  }
  await world.runOnce();
  world.check();
  const lines = world.manifest().map(({ record }) => record!);
  const outputs = lines.flatMap((line) => line.outputs!);
  const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);
  const [{ records_per_second: _, ...counts }] = (await report(world)).records as [Report['records'][number]];
  assert.deepEqual(counts, {
    feed: 'orders',
    records: sum(lines.map(({ rows }) => rows!)),
    rejected: sum(lines.map(({ rejected }) => rejected!)),
    outputs: outputs.length,
    output_bytes: sum(outputs.map(({ size }) => size)),
  });
  assert.equal(lines.length, 60);
});

test('a header that is another one than before is logged and found; the file goes on', async (t) => {
  const world = createWorld(t, {
    feeds: {
      orders: {
        options: { ...QUICK, process: { format: 'csv', start: 'split', steps: { split: { by: 'country' } } } },
      },
    },
  });
  for (const [name, header] of [
    ['first.csv', 'id,country,amount'],
    ['again.csv', 'id,country,amount'],
    ['other.csv', 'id,country,total'],
  ] as const) {
    world.drop(name, `${header}\n${name},DE,1\n`);
    await world.runOnce();
  }
  const changes = world.log.named('header_changed');
  assert.deepEqual(
    changes.map(({ severity, before, header }) => [severity, before, header]),
    [['warn', 'id,country,amount', 'id,country,total']],
  );
  const { findings } = await report(world);
  assert.deepEqual(
    findings.filter(({ code }) => code === 'header_changed').map(({ sentence }) => sentence),
    ['The header of orders is not that of its files before: id,country,amount → id,country,total.'],
  );
  assert.equal(world.manifest().length, 3);
  const told = world.log.named('file_ingested').map(({ outputs }) => outputs);
  assert.deepEqual(told, [1, 1, 1]);
});

test('a module that cannot be loaded is named; its files wait, and go on by themselves when it is corrected', async (t) => {
  const world = createWorld(t, { feeds: { orders: { options: QUICK } } });
  const module = join(world.root, 'orders.mjs');
  writeFileSync(module, 'export default (file) => ({ route(record, emit) { emit("out", record) } };\n');
  changeChain(world, 'orders', { format: 'csv', start: 'route', steps: {}, module });
  for (const name of ['a', 'b', 'c']) world.drop(`${name}.csv`, `id\n${name}\n`);
  world.start('ingest');
  await world.event('gate_closed');
  const found = await until('the finding', async () =>
    (await report(world)).findings.find(({ code, files }) => code === 'unloadable' && files === 3),
  );
  assert.equal(found.severity, 'stuck');
  assert.match(
    found.sentence,
    /^process of orders is closed, unloadable: .*orders\.mjs.*SyntaxError.*; 3 files wait\.$/,
  );
  assert.match(found.release, /it can be loaded/);
  assert.deepEqual(
    world.log.named('gate_closed').map(({ place, code }) => [place, code]),
    [['process', 'unloadable']],
  );
  writeFileSync(module, 'export default (file) => ({ route(record, emit) { emit("out", record) } });\n');
  await world.stored(3);
  await world.event('gate_opened', ({ place }) => place === 'process');
  assert.equal(world.log.named('file_held').length, 0);
  assert.deepEqual((await report(world)).findings, []);
  await world.stop();
});
