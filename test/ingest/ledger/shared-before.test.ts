/** States of the version in which hosts could share a ledger: one that never joined goes on, one that joined is refused. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { EnvironmentError } from '../../../src/base/errors.js';
import { copyOlderState, copyState, openState, openStateView } from '../../../src/ingest/ledger/open-state.js';
import { makeBefore, sharedIn } from '../../world/state-before.js';

const NAMED = { title: 'test', maxAttempts: 8 };

async function stateBefore(t: TestContext, joined: boolean): Promise<{ folder: string; statePath: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'ingest-before-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const statePath = join(folder, 'state.db');
  const backend = await openState({ statePath, ...NAMED });
  await backend.putFeed('orders', { name: 'orders' });
  await backend.close();
  assert.deepEqual(sharedIn(statePath), [], 'a new state has nothing of the shared ledger');
  makeBefore(statePath, { joined });
  assert.ok(sharedIn(statePath).length >= 5);
  return { folder, statePath };
}

const backups = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith('.backup'));

const refusal = (statePath: string) => (error: unknown) =>
  error instanceof EnvironmentError &&
  error.code === 'state_joined' &&
  error.exitCode === 3 &&
  error.message.startsWith(`the state ${statePath} has joined a ledger that several hosts share, and this version`);

test('a state that never joined opens, and nothing of the shared ledger stays in it', async (t) => {
  const { folder, statePath } = await stateBefore(t, false);
  await assert.rejects(openStateView(statePath), { code: 'older_database' });
  const backend = await openState({ statePath, ...NAMED });
  assert.deepEqual(
    backend.feeds().map(({ name }) => name),
    ['orders'],
  );
  await backend.close();
  assert.deepEqual(sharedIn(statePath), []);
  const [backup] = backups(folder);
  assert.ok(sharedIn(join(folder, backup!)).length >= 5, 'the backup is as the state was');
  const again = await openStateView(statePath);
  await again.close();
});

test('a state that joined is refused to writers, readers and copies, and stays as it is', async (t) => {
  const { folder, statePath } = await stateBefore(t, true);
  const before = readFileSync(statePath);
  const copy = join(folder, 'copy.db');
  await assert.rejects(openState({ statePath, ...NAMED }), refusal(statePath));
  await assert.rejects(openState({ statePath, ...NAMED, create: false }), refusal(statePath));
  await assert.rejects(openStateView(statePath), refusal(statePath));
  assert.throws(() => copyState(statePath, copy), refusal(statePath));
  assert.ok(!existsSync(copy));
  assert.throws(() => copyOlderState(statePath, copy), refusal(statePath));
  assert.deepEqual(readFileSync(statePath), before);
  assert.deepEqual(backups(folder), []);
});
