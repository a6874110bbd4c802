/**
 * The boot clock, and the effect of another boot or another time namespace.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Host, openQueue, QueueError } from '../../../queue/index.js';
import { host } from '../../../src/linux/index.js';
import { candidate, candidates, settleAs } from '../world.js';
import { newStateDir } from './kind.js';

/** The real host, but as if the machine had been rebooted. */
const inBoot = (boot: string, bootMs = 5_000): Host => ({ ...host(), clockEpoch: () => boot, bootMs: () => bootMs });
const open = (path: string, at: Host) =>
  openQueue({ path, host: at, stages: ['only'], title: 'worker', maxAttempts: 3 });

test('after a reboot everything is due and the claims of the earlier boot are free, nobody is blamed', async () => {
  const { path, remove } = newStateDir();
  const before = await open(path, inBoot('one', 9_000_000));
  await before.enqueue(candidates(3));
  await before.enqueue([candidate('later', { dueInMs: 3_600_000 })]);
  const [first, second] = await before.claim('only', 2);
  await settleAs(before, first!, { kind: 'retry', code: 'broken', error: 'it broke' });
  before.beat({ job: second!.id, place: '' });
  const gate = { feed: 'x', stage: 'only', cause: 'place', place: '/w', code: 'EIO', reason: 'broken' } as const;
  await before.transact((tx) => tx.closeGate(gate));
  assert.equal(await before.takeProbe(before.gates()[0]!), true);
  // A power cut: nothing is closed in order. (After a boot the lock would be free; here its file is closed by hand.)
  (before as unknown as { parts: { owners: { close(): void } } }).parts.owners.close();

  const after = await open(path, inBoot('two'));
  assert.equal((await after.claim('only', 9)).length, 4);
  assert.deepEqual([after.job(first!.id)?.attempts, after.job(second!.id)?.crashes], [1, 0]);
  // Nobody knows how far a claim came before the power cut; the other job was settled.
  assert.deepEqual([after.job(first!.id)?.interrupted, after.job(second!.id)?.interrupted], [false, true]);
  assert.equal(await after.takeProbe(after.gates()[0]!), true);
  assert.equal(after.owners().length, 1);
  await after.close();
  remove();
});

test('processes of another time namespace are refused while one of ours lives, and welcome afterwards', async () => {
  const { path, remove } = newStateDir();
  const ours = await open(path, host());
  const theirs: Host = { ...host(), clockEpoch: () => `${host().clockEpoch()} of another time namespace` };
  await assert.rejects(
    open(path, theirs),
    (error) => error instanceof QueueError && error.code === 'state_foreign_clock' && /"worker"/.test(error.message),
  );
  await ours.enqueue([candidate('a', { dueInMs: 3_600_000 })]);
  await ours.close();
  const alone = await open(path, theirs);
  assert.equal((await alone.claim('only', 1)).length, 1);
  await alone.close();
  remove();
});
