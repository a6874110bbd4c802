/** Decides whether a living process is at work, from its heartbeats and from /proc. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Backend } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { type Condition, ProcessWatch } from '../../../src/ingest/health/processes.js';
import { openState, openStateView } from '../../../src/ingest/ledger/open-state.js';
import { createWorld } from '../../world/world.js';

const SECOND = 1_000;

/** An owner in this process that writes a heartbeat only on request. */
async function ownerAndView(t: TestContext): Promise<{ owner: Backend; view: QueueView }> {
  const world = createWorld(t);
  await world.runOnce();
  const owner = await openState({ statePath: world.statePath, title: 'worker hash', maxAttempts: 8, create: false });
  const view = await openStateView(world.statePath);
  t.after(() => Promise.all([owner.close(), view.close()]));
  return { owner, view };
}

test('no heartbeat for six seconds is silence, and a heartbeat ends it', async (t) => {
  const { owner, view } = await ownerAndView(t);
  const watch = new ProcessWatch();
  const at = (second: number): [Condition, number] => {
    const [one] = watch.check(view, second * SECOND);
    return [one!.condition, one!.quiet_seconds];
  };
  for (let second = 0; second <= 6; second++) assert.deepEqual(at(second), ['at work', second]);
  assert.deepEqual(at(7), ['silent', 7]);
  owner.beat({ job: null, place: '' });
  assert.deepEqual(at(8), ['at work', 0]);
});

test('a process that was suspended itself has seen no heartbeats, and reports no other process', async (t) => {
  const { view } = await ownerAndView(t);
  const watch = new ProcessWatch();
  for (const second of [0, 3_600, 3_601]) assert.equal(watch.check(view, second * SECOND)[0]!.condition, 'at work');
});
