/** States of the version before: one that had joined a shared ledger is the same host, and joins once more; another one goes on. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { JOINING, sharingHost } from '../../../src/ingest/ledger/host.js';
import { openState, openStateView } from '../../../src/ingest/ledger/open-state.js';
import { makeBefore, sharedIn } from '../../world/state-before.js';

const NAMED = { title: 'test', maxAttempts: 8 };

async function stateBefore(t: TestContext, joined: boolean): Promise<{ folder: string; statePath: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-before-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const statePath = join(folder, 'state.db');
  const backend = await openState({ statePath, ...NAMED });
  await backend.putFeed('orders', { name: 'orders' });
  await backend.close();
  assert.deepEqual(sharedIn(statePath), [], 'a new state has nothing of the version before');
  makeBefore(statePath, { joined });
  assert.ok(sharedIn(statePath).length >= 5);
  return { folder, statePath };
}

for (const joined of [false, true])
  test(`a state that ${joined ? 'had' : 'never'} joined opens, and nothing of the version before stays in it`, async (t) => {
    const { folder, statePath } = await stateBefore(t, joined);
    await assert.rejects(openStateView(statePath), { code: 'older_database' });
    const backend = await openState({ statePath, ...NAMED });
    assert.deepEqual(
      backend.feeds().map(({ name }) => name),
      ['orders'],
    );
    const host = backend.read(sharingHost);
    // Nothing is asked or sent before it has joined again.
    if (joined) assert.deepEqual([host?.name, host?.cursor], ['lake-1', JOINING]);
    else assert.equal(host, undefined);
    await backend.close();
    assert.deepEqual(sharedIn(statePath), []);
    const [backup] = readdirSync(folder).filter((name) => name.endsWith('.backup'));
    assert.ok(sharedIn(join(folder, backup!)).length >= 5, 'the backup is as the state was');
    const again = await openStateView(statePath);
    await again.close();
  });
