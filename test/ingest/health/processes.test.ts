/** Decides whether a living process is at work, from its heartbeats and from /proc. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Backend } from '../../../queue/backend.js';
import type { QueueView } from '../../../queue/index.js';
import { type Condition, processesOf } from '../../../src/ingest/health/processes.js';
import { openState, openStateView } from '../../../src/ingest/ledger/open-state.js';
import { until } from '../../world/waiting.js';
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

/** Times are whole milliseconds, and the owner started in one of them. */
function nextMs(view: QueueView): Promise<unknown> {
  const nowMs = view.nowMs();
  return until('the next millisecond', () => view.nowMs() > nowMs, { everyMs: 1 });
}

/** A snapshot so many seconds later. */
function later(view: QueueView, seconds: number): [Condition, number] {
  const nowMs = view.nowMs() + seconds * SECOND;
  const [one] = processesOf({ owners: () => view.owners(), nowMs: () => nowMs });
  return [one!.condition, one!.quiet_seconds];
}

test('no heartbeat for twenty seconds is silence, in the first snapshot too, and a heartbeat ends it', async (t) => {
  const { owner, view } = await ownerAndView(t);
  await nextMs(view);
  owner.beat({ job: null, place: '' });
  assert.deepEqual(later(view, 19), ['at work', 19]);
  assert.deepEqual(later(view, 21), ['silent', 21]);
  await nextMs(view);
  owner.beat({ job: null, place: '' });
  assert.deepEqual(later(view, 0), ['at work', 0]);
});

test('a process that sends no heartbeats, like a verb of ingest-ctl, is not silent', async (t) => {
  const { view } = await ownerAndView(t);
  assert.deepEqual(later(view, 3_600), ['at work', 3_600]);
});
