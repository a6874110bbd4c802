/**
 * A place that hangs, as a mount does whose server is gone: its stage is closed, nobody's file is blamed, and the workers
 * go on with everything else.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultsIn } from '../world/faults.js';
import { stays, until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';
import { LONG, noAttemptSpent } from './trouble.js';

const STALL_MS = 2_000;

test('a warehouse that hangs closes its gate, whoever probes it does not hang along, and no file becomes poison', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('a hung warehouse was not tested: there is no gcc');
  world.start('ingest', ['--concurrency', '2', '--stall-seconds', String(STALL_MS / 1_000)], { env: faults.env });
  world.drop('before.csv', 2_000);
  await world.stored(1, LONG);

  faults.arm('hangs', 0);
  for (let i = 0; i < 4; i++) world.drop(`during ${i}.csv`, 2_000);
  const closed = await world.event('gate_closed', undefined, LONG);
  // A worker of all stages moves a file in the claim in which it wrote its line.
  assert.deepEqual([closed.stage, closed.place, closed.code], ['manifest', 'warehouse', 'stuck']);
  assert.match(String(closed.reason), /warehouse \/.*does not answer/);
  const stalled = () => world.log.named('worker_stalled').length;
  await until('somebody probes it, and waits', () => faults.kills() > stalled(), LONG);
  assert(stalled() <= 2, `${stalled()} workers were taken`);
  const before = stalled();
  await stays('nobody else is taken', () => stalled() === before, 3 * STALL_MS);
  const other = world.drop('other.csv', 2_000);
  const reaches = () => world.jobs().some(({ key, stage }) => key === other.name && stage === 'manifest');
  await until('the stages before go on', reaches, LONG);
  assert.equal(stalled(), before);

  faults.arm('before_move', 0);
  await world.stored(undefined, LONG);
  await world.event('gate_opened', ({ code }) => code === 'stuck', LONG);
  await world.allDone(LONG);
  noAttemptSpent(world);
  await world.stop();
  world.check();
});
