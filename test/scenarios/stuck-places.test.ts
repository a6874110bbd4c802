/**
 * A call that hangs, as on a mount whose server is gone: the gates of stages that need the place close, the thread that hangs keeps its
 * file, no file is blamed, and the process goes on with everything else.
 */
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bootMs } from '../../src/linux/index.js';
import type { JobRow } from '../world/database.js';
import { faultsIn } from '../world/faults.js';
import { stays, until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { noAttemptSpent } from './trouble.js';

/** A busy machine must not stand still for as long. */
const STALL_SECONDS = 8;
const STALL = ['--stall-seconds', String(STALL_SECONDS)];
const MANY = 40;
/** Too large to be read in one go. */
const LARGE = (1 << 20) + 1;

/** The stages that need the warehouse. */
const beforeIt = (world: World): number =>
  world.jobs().filter(({ stage, state }) => state !== 'done' && (stage === 'manifest' || stage === 'move')).length;
const named = (world: World, event: string): number => world.log.named(event).length;

/** Claimed in one batch. */
async function dropAtOnce(world: World, name: string, names = (i: number) => `${name} ${i}.csv`): Promise<void> {
  const ctl = async (word: string): Promise<void> =>
    assert.equal((await world.run('ingest-ctl', [word, 'verify-complete'])).code, 0);
  await ctl('pause');
  for (let i = 0; i < MANY; i++) world.drop(names(i), 2_000);
  const due = ({ key, due_ms: dueMs }: JobRow): boolean => String(key).includes(name) && dueMs <= bootMs();
  await until('all of them are due', () => world.jobs().filter(due).length === MANY);
  await ctl('resume');
}

test('a warehouse that hangs closes its gate, a process that probes it does not hang, and no process is killed', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('a hung warehouse was not tested: there is no gcc');
  world.start('ingest', ['--workers', 'all=2', ...STALL], { env: faults.env });
  world.drop('before.csv', 2_000);
  await world.stored(1);

  faults.arm('hangs', 0);
  world.drop('during.csv', 2_000);
  const closed = await world.event('gate_closed');
  // A worker of all stages moves a file in the claim in which it wrote its line.
  assert.deepEqual([closed.stage, closed.place, closed.code], ['manifest', 'warehouse', 'stuck']);
  assert.match(String(closed.reason), /warehouse \/.*does not answer/);
  const told = await world.event('call_hangs', ({ place }) => place === 'warehouse');
  assert.deepEqual([told.act, told.place, told.path], ['move', 'warehouse', 'during.csv']);
  await until('somebody probes it, and waits', () => faults.kills() > 1);
  for (let i = 0; i < 4; i++) world.drop(`meanwhile ${i}.csv`, 2_000);
  // On a machine that stands still for a moment, other calls hang for as long; none of these needs the warehouse.
  const atWarehouse = (event: string): number =>
    world.log.named(event).filter(({ place }) => place === 'warehouse').length;
  const isQuiet = () => atWarehouse('call_hangs') === 1 && named(world, 'worker_lost') === 0;
  await stays('nobody else hangs or is taken', isQuiet, 3_000 * STALL_SECONDS);
  await until('the stages before go on', () => beforeIt(world) === 5);

  faults.arm('before_move', 0);
  await world.stored();
  await world.event('gate_opened', ({ code }) => code === 'stuck');
  assert.equal(atWarehouse('call_back'), 1);
  await world.allDone();
  noAttemptSpent(world);
  await world.stop();
  world.check();
});

test('of many files in one order only the one hangs at which the thread is, and only what needs that place is closed', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('a thread that hangs in one of many files was not tested: there is no gcc');
  world.start('ingest', STALL, { env: faults.env });
  world.drop('before.csv', 2_000);
  await world.stored(1);

  faults.arm('hangs', 0);
  await dropAtOnce(world, 'hanging');
  await until('it hangs', () => faults.kills() >= 1);
  await dropAtOnce(world, 'after it');
  await world.event('call_hangs');
  await until('all others go on to where the place is needed', () => beforeIt(world) === 2 * MANY);
  const isClaimed = () => world.jobs().filter(({ state }) => state === 'claimed').length === 1;
  await until('one is kept by its process, the others are given back', isClaimed);
  const closed = world.gates().filter(({ cause }) => cause === 'place');
  assert.deepEqual(closed.map(({ stage, place }) => `${stage} ${place}`).sort(), [
    'manifest warehouse',
    'move warehouse',
  ]);

  faults.arm('before_move', 0);
  await world.stored();
  await world.allDone();
  noAttemptSpent(world);
  await world.stop();
  world.check();
});

test('what was moved in the order in which a thread hangs, and taken by a consumer since, is stored and not missed', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('files beside one at which a thread hangs were not tested: there is no gcc');
  world.start('ingest', STALL, { env: faults.env });
  world.drop('before.csv', 2_000);
  await world.stored(1);
  faults.arm('hangs_at_one', 0);
  await dropAtOnce(world, 'one', (i) => (i === MANY / 2 ? 'one hanging.csv' : `one ${i}.csv`));
  await world.event('call_hangs', ({ path }) => path === 'one hanging.csv');
  const { warehouse } = world.feed();
  const lying = world.ledger().filter(({ target }) => target !== null && existsSync(join(warehouse, target)));
  const toldYet = new Set(world.log.named('file_ingested').map(({ sha256 }) => sha256));
  assert.ok(
    lying.some(({ sha256 }) => !toldYet.has(sha256)),
    'some were moved, and nobody knows it yet',
  );
  for (const { target } of lying) {
    rmSync(join(warehouse, target!));
    world.taken.add(target!);
  }
  faults.arm('before_move', 0);
  await world.allDone();
  assert.deepEqual(
    world.jobs().filter(({ state }) => state === 'held'),
    [],
  );
  await world.stop();
  world.check();
});

test('a file whose rename into the warehouse was done and not answered, and that a consumer took since, is stored and not missed', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('a rename whose answer is lost was not tested: there is no gcc');
  world.start('ingest', [], { env: faults.env });
  faults.arm('unanswered', 0);
  world.drop('a.csv', 2_000);
  await until('it was renamed', () => faults.kills() > 0);
  const { target } = world.ledger()[0]!;
  rmSync(join(world.feed().warehouse, target!));
  world.taken.add(target!);
  faults.arm('before_move', 0);
  await world.event('gate_closed', ({ code }) => code === 'ETIMEDOUT');
  const state = (): unknown => world.jobs()[0]!.state;
  await until('it has ended', () => state() === 'done' || state() === 'held');
  assert.equal(state(), 'done');
  noAttemptSpent(world);
  await world.stop();
  world.check();
});

test('a file whose reading hangs keeps its thread alone: it is named, other large files go on, and it goes on when the call ends', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('a reading that hangs was not tested: there is no gcc');
  faults.arm('hangs_reading', 0);
  world.start('ingest', ['--concurrency', '1', ...STALL], { env: faults.env });
  world.drop('hanging.csv', LARGE);
  await until('it hangs', () => faults.kills() > 0);
  for (let i = 0; i < 3; i++) world.drop(`large ${i}.csv`, LARGE);
  for (let i = 0; i < MANY; i++) world.drop(`small ${i}.csv`, 2_000);
  const told = await world.event('call_hangs', ({ path }) => path === 'hanging.csv');
  assert.deepEqual([told.act, told.path, told.quiet_seconds], ['read', 'hanging.csv', STALL_SECONDS]);
  await until('all others are stored', () => named(world, 'file_ingested') === MANY + 3);
  const [job, ...more] = world.jobs().filter(({ state }) => state === 'claimed');
  assert.deepEqual([job?.id, more.length, job?.stage], [told.job, 0, 'hash']);
  const said = await world.run('ingest-ctl', ['explain', 'hanging.csv']);
  assert.match(said.stdout, /has it for hash.*works on it just now/s);
  const { code, stdout } = await world.run('queue-stat', []);
  assert.equal(code, 0);
  assert.match(
    stdout.replace(/\s+/g, ' '),
    new RegExp(`A call on the file of job ${told.job} does not end in the process`),
  );

  faults.arm('before_move', 0);
  await world.stored();
  await world.event('call_back');
  await world.allDone();
  assert.equal(named(world, 'worker_lost'), 0);
  noAttemptSpent(world);
  await world.stop();
  world.check();
});

test('a process that is to end does so while a call hangs, and the next one takes the file up', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('the end of a process with a call that hangs was not tested: there is no gcc');
  faults.arm('hangs_reading', 0);
  const ingest = world.start('ingest', STALL, { env: faults.env });
  world.drop('hanging.csv', LARGE);
  world.drop('other.csv', LARGE);
  await world.event('call_hangs');
  await world.event('file_ingested');
  ingest.kill('SIGTERM');
  assert.equal((await ingest.ended).code, 0);
  faults.arm('before_move', 0);
  world.start('ingest', STALL, { env: faults.env });
  await world.stored();
  await world.allDone();
  await world.stop();
  world.check();
});

test('where more calls hang than it has threads, a process ends and is started again; nothing of the others is lost', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('more calls that hang than threads were not tested: there is no gcc');
  faults.arm('hangs_reading', 0);
  world.start('ingest', ['--concurrency', '1', ...STALL], { env: faults.env });
  const names = ['hanging 1.csv', 'hanging 2.csv'];
  for (const name of names) world.drop(name, LARGE);
  await world.event('worker_lost');
  // The next process takes both files up, and ends the same way.
  const hang = new Set<unknown>();
  for (const { event, path } of world.log.all) {
    if (event === 'worker_lost') break;
    if (event === 'call_hangs') hang.add(path);
    if (event === 'call_back') hang.delete(path);
  }
  assert.deepEqual([...hang].sort(), names);
  world.drop('other.csv', LARGE);
  faults.arm('before_move', 0);
  await world.stored();
  await world.allDone();
  await world.stop();
  world.check();
});
