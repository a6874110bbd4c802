/** A place that hangs: the dashboard goes on, says that it does not answer, and ends when it is asked to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatsAnswer } from '../../../src/service/dashboard/answers.js';
import { faultsIn } from '../../world/faults.js';
import { createWorld } from '../../world/world.js';
import { freePort, Served } from './served.js';

const ENDS_MS = 15_000;

test('while a place hangs it has no figure, the others have one, and the dashboard ends in time', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('gcc is not installed; not tested: a place that hangs');
  await world.runOnce();
  faults.arm('hangs', 1);
  const port = await freePort();
  const where = ['--dashboard', String(port), '--state-path', world.statePath];
  const program = world.launch('ingest-dashboard', where, { env: faults.env });
  await world.event('dashboard');
  const { places } = await new Served(port).json<StatsAnswer>('/stats');
  const answered = Object.fromEntries(places.map(({ place, free_bytes: bytes }) => [place, bytes !== null]));
  assert.deepEqual(answered, { input: true, manifests: true, state: true, warehouse: false, work: true });
  const sinceMs = performance.now();
  const { code } = await program.stop();
  assert.equal(code, 0);
  assert.ok(performance.now() - sinceMs < ENDS_MS, `it ended after ${Math.round(performance.now() - sinceMs)} ms`);
});
