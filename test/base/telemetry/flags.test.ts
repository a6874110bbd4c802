/** Each option of the log alone, through the command: what it promises is in the log, and is not there without it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWorld } from '../../world/world.js';

const FLAGS: { flag: readonly string[]; logs: string }[] = [
  { flag: ['--trace'], logs: 'stage_step' },
  { flag: ['--log-level', 'debug'], logs: 'scan_done' },
  { flag: ['--log-level', 'trace'], logs: 'scan_done' },
  { flag: ['--metrics-interval-seconds', '0.1'], logs: 'metrics' },
];

for (const { flag, logs } of FLAGS) {
  test(`${flag.join(' ')} alone logs ${logs}`, async (t) => {
    const world = createWorld(t);
    world.start('ingest', flag);
    world.drop('a.csv', 10);
    await world.event(logs);
    await world.stop();
  });
}

test('without any of them, none of that is logged', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 10);
  const { events } = await world.runOnce();
  const logged = new Set(events.map(({ event }) => event));
  assert.ok(logged.has('file_ingested'));
  assert.ok(!logged.has('stage_step') && !logged.has('scan_done'), [...logged].join(' '));
});
