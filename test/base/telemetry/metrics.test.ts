/** The `metrics` event of real daemons: exact totals, rates, and what waits in each stage. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stagesUsed } from '../../../src/base/config/values/stage-names.js';
import { createWorld } from '../../world/world.js';

test('metrics come at the interval, with totals that equal what was stored and the depth of each stage', async (t) => {
  const world = createWorld(t, { options: { metricsIntervalSeconds: 0.3 } });
  world.start('ingest');
  world.drop('a.csv', 1_000);
  world.drop('b.csv', 'twin');
  world.drop('c.csv', 'twin');
  const metrics = await world.event('metrics', ({ files_processed }) => files_processed === 3);
  assert.equal(metrics.bytes_processed, 1_008);
  assert.equal(typeof metrics.files_per_second, 'number');
  assert.equal(typeof metrics.bytes_per_second, 'number');
  assert.deepEqual(Object.keys(metrics.queue_depth as object), [...stagesUsed([])]);
  await world.run('ingest-ctl', ['pause', 'hash']);
  world.drop('d.csv', 10);
  // Before that, one of the twins may have been counted in that stage too.
  await world.event(
    'metrics',
    ({ queue_depth, files_processed }) => files_processed === 3 && (queue_depth as Record<string, number>).hash === 1,
  );
});

test('a run that is shorter than the interval says at its end what it did', async (t) => {
  const world = createWorld(t, { options: { metricsIntervalSeconds: 3_600 } });
  world.drop('a.csv', 1_000);
  world.drop('b.csv', 'twin');
  world.drop('c.csv', 'twin');
  const { events } = await world.runOnce();
  const metrics = events.filter(({ event }) => event === 'metrics');
  assert.equal(metrics.length, 1);
  const { files_processed: files, bytes_processed: bytes, files_per_second: rate, queue_depth: depth } = metrics[0]!;
  assert.deepEqual([files, bytes], [3, 1_008]);
  assert.ok(Number(rate) > 0);
  assert.deepEqual(Object.values(depth as object), [0, 0, 0, 0]);
  await world.runOnce();
  assert.equal(world.log.named('metrics').at(-1)!.files_per_second, 0, 'nothing in the second run');
});
