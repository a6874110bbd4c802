/** A state with a damaged page: found at the start, by doctor and by audit, and rebuilt; no content is ingested twice. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Report } from '../../../src/service/status/report.js';
import { rebuilt, refused } from '../../world/lost.js';
import { isInRunbook } from '../../world/runbook.js';
import { rowsOf } from '../../world/state-by-hand.js';
import { until } from '../../world/waiting.js';
import { createWorld, type World } from '../../world/world.js';

const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };
const FILES = 60;
const PAGE = 4_096;

async function ingested(world: World): Promise<void> {
  for (let n = 0; n < FILES; n++) world.drop(`${n}.csv`, 100 + n);
  await world.runOnce();
  assert.equal(world.warehouse().length, FILES);
}

/** Simulates a disk that lost a block. */
function zero(world: World, page: number): void {
  const fd = openSync(world.statePath, 'r+');
  writeSync(fd, Buffer.alloc(PAGE), 0, PAGE, (page - 1) * PAGE);
  closeSync(fd);
}

/** A leaf page of a table. No file of the next run needs the first leaf of `jobs`, so nothing else would find the damage. */
const firstLeaf = (world: World, table: string): number =>
  (
    rowsOf(world, `SELECT min(pageno) AS page FROM dbstat WHERE pagetype = 'leaf' AND name = '${table}'`) as {
      page: number;
    }[]
  )[0]!.page;

test('a page that was lost while all was stopped ends the next start, doctor and audit; rebuild is the way on', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await ingested(world);
  for (const table of ['jobs', 'contents', 'contents_by_hash']) {
    for (const { path } of world.warehouse())
      world.drop(`${table} ${path}`.replaceAll('/', ' '), readFileSync(join(world.feed().warehouse, path)));
    zero(world, firstLeaf(world, table));
    refused(await world.run('ingest', ['--once']), /state\.db is damaged .*ingest-ctl rebuild/);
    refused(await world.run('ingest', ['--once']), /state\.db is damaged/);
    refused(await world.run('ingest-ctl', ['audit']), /state\.db is damaged .*ingest-ctl rebuild/);
    const doctor = await world.launch('ingest-ctl', ['doctor', ...world.flags('ingest')]).ended;
    assert.equal(doctor.code, 3);
    assert.match(doctor.stdout, /fail {2}state: .*is damaged .*ingest-ctl rebuild/);
    await rebuilt(world);
    await world.runOnce();
    world.check();
    assert.equal(world.warehouse().length, FILES, 'nothing is in twice');
  }
});

test('after a clean end nothing is read; after a kill hash waits for the check, and queue-stat says so', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await ingested(world);
  await world.runOnce();
  assert.deepEqual(world.log.named('state_checked'), []);
  const killed = world.start('ingest');
  await until('it is at work', () => world.log.named('worker_started').length > 4);
  killed.killAll();
  await killed.ended.catch(() => {});

  const producer = world.start('ingest-producer');
  world.drop('newer.csv', 5_000);
  const findings = async () => (JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report).findings;
  const gate = await until('the gate', async () => (await findings()).find(({ code }) => code === 'state_unchecked'));
  assert.equal(gate.severity, 'notice');
  assert.match(gate.sentence, /^hash of every feed is closed.*all of its pages are checked/);
  assert.ok(isInRunbook(gate.sentence), gate.sentence);
  world.start('ingest-worker');
  await world.event('state_checked');
  await world.stored(FILES + 1);
  assert.deepEqual(
    (await findings()).filter(({ code }) => code === 'state_unchecked'),
    [],
  );
  await producer.stop();
  await world.stop();
  assert.equal(world.log.named('state_checked').length, 1);
  assert.ok(statSync(world.statePath).size > 0);
  world.check();
});
