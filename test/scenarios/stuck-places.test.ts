/**
 * A place that hangs, as a mount does whose server is gone: its stage is closed, nobody's file is blamed, and the workers
 * go on with everything else.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JobRow } from '../world/database.js';
import { faultsIn } from '../world/faults.js';
import { stays, until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { LONG, noAttemptSpent } from './trouble.js';

const STALL_MS = 2_000;
/** Enough for the other thread (src/ingest/worker/batch-calls.ts). */
const MANY = 40;

const inManifest = (world: World): number => world.jobs().filter(({ stage }) => stage === 'manifest').length;

/** Claimed in one batch. */
async function dropAtOnce(world: World, name: string): Promise<void> {
  const ctl = async (word: string): Promise<void> =>
    assert.equal((await world.run('ingest-ctl', [word, 'verify-complete'])).code, 0);
  await ctl('pause');
  for (let i = 0; i < MANY; i++) world.drop(`${name} ${i}.csv`, 2_000);
  const queued = (): number => world.jobs().filter(({ key }) => String(key).startsWith(name)).length;
  await until('all of them are queued', () => queued() === MANY, LONG);
  await ctl('resume');
}

test('a warehouse that hangs closes its gate, whoever probes it does not hang along, and no file becomes poison', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('a hung warehouse was not tested: there is no gcc');
  world.start('ingest', ['--concurrency', '2', '--stall-seconds', String(STALL_MS / 1_000)], { env: faults.env });
  world.drop('before.csv', 2_000);
  await world.stored(1, LONG);

  faults.arm('hangs', 0);
  world.drop('during.csv', 2_000);
  const closed = await world.event('gate_closed', undefined, LONG);
  // A worker of all stages moves a file in the claim in which it wrote its line.
  assert.deepEqual([closed.stage, closed.place, closed.code], ['manifest', 'warehouse', 'stuck']);
  assert.match(String(closed.reason), /warehouse \/.*does not answer/);
  // Beside other tests, one may also be late to start: then it was not at this place.
  const stalled = () => world.log.named('worker_stalled').filter(({ place }) => place === 'warehouse').length;
  await until('somebody probes it, and waits', () => faults.kills() > stalled(), LONG);
  for (let i = 0; i < 4; i++) world.drop(`meanwhile ${i}.csv`, 2_000);
  await stays('nobody else is taken', () => stalled() === 1, 3 * STALL_MS);
  await until('the stages before go on', () => inManifest(world) === 5, LONG);
  assert.equal(stalled(), 1);

  faults.arm('before_move', 0);
  await world.stored(undefined, LONG);
  await world.event('gate_opened', ({ code }) => code === 'stuck', LONG);
  await world.allDone(LONG);
  noAttemptSpent(world);
  await world.stop();
  world.check();
});

test('a worker whose other thread hangs says so, and only what needs that place is closed', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('a worker whose other thread hangs was not tested: there is no gcc');
  world.start('ingest', ['--stall-seconds', '8'], { env: faults.env });
  world.drop('before.csv', 2_000);
  await world.stored(1, LONG);

  faults.arm('hangs', 0);
  await dropAtOnce(world, 'hanging');
  await until('it hangs', () => faults.kills() === 1, LONG);
  await dropAtOnce(world, 'behind it');
  const isClaimed = ({ stage, state }: JobRow): boolean => stage === 'verify-complete' && state === 'claimed';
  await until('the worker has files of an earlier stage in hand too', () => world.jobs().some(isClaimed), LONG);
  await world.event('worker_stalled', ({ place }) => place === 'warehouse', LONG);
  await until('all others go on to where the place is needed', () => inManifest(world) === 2 * MANY, LONG);
  const closed = world.gates().filter(({ cause }) => cause === 'place');
  assert.ok(closed.length > 0);
  for (const { stage, place } of closed) assert.deepEqual([stage, place], ['manifest', 'warehouse']);

  faults.arm('before_move', 0);
  await world.stored(undefined, LONG);
  await world.allDone(LONG);
  noAttemptSpent(world);
  await world.stop();
  world.check();
});
