/** A pause says who, why and until when wherever it is shown, and ends by itself. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Report } from '../../src/service/status/report.js';
import { BY_COUNTRY, changeChain } from '../world/chains.js';
import { editDatabase } from '../world/database.js';
import { createWorld, type World } from '../world/world.js';

const ADA = { env: { SUDO_USER: 'ada' } };
const WHY = 'the disk is changed';
const SHOWN = /by ada: the disk is changed, until 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/;

const reportOf = async (world: World): Promise<Report> =>
  JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;

/** Moves the end, or the start, of every pause into the past. */
const earlier = (world: World, column: 'until_ms' | 'since_ms', ms: number): void =>
  editDatabase(world.statePath, (db) => void db.prepare(`UPDATE gates SET ${column} = ${column} - ?`).run(ms));

/** A file before `hash`, which is paused for two hours. */
async function paused(t: TestContext): Promise<World> {
  const world = createWorld(t);
  await world.runOnce();
  const { code, stdout } = await world.run('ingest-ctl', ['pause', 'hash', '--for', '2h', '--reason', WHY], ADA);
  assert.equal(code, 0);
  assert.match(stdout, new RegExp(`^hash of every feed is paused ${SHOWN.source}; \`.*ingest-ctl resume hash`));
  world.drop('a.csv', 10);
  world.start('ingest');
  await world.event('file_ready');
  return world;
}

test('who paused a stage, why and until when is shown by every view; it ends by itself and files go on', async (t) => {
  const world = await paused(t);
  const { gates, findings } = await reportOf(world);
  assert.ok(Math.abs(Date.parse(gates[0]!.until!) - Date.now() - 7_200_000) < 60_000, gates[0]!.until!);
  assert.match(findings.find(({ code }) => code === 'paused')!.sentence, SHOWN);
  const oneLine = (text: string) => text.replace(/\s+/g, ' ');
  for (const [command, ...args] of [
    ['queue-stat'],
    ['queue-stat', '--all'],
    ['queue-stat', '--check'],
    ['ingest-ctl', 'explain', 'a.csv'],
    ['ingest-ctl', 'pause', 'hash', '--for', '2h', '--reason', WHY],
  ] as const)
    assert.match(oneLine((await world.run(command, args, ADA)).stdout), SHOWN, [command, ...args].join(' '));
  const left = await world.run('ingest-ctl', ['resume', 'hash', '--feed', 'default']);
  assert.match(left.stderr, SHOWN);
  earlier(world, 'until_ms', 7_200_000);
  await world.event('pause_ended', ({ stage, reason }) => stage === 'hash' && String(reason).includes(WHY));
  await world.stored(1);
});

test('a pause is over while nothing runs, and the next start goes on', async (t) => {
  const world = await paused(t);
  await world.stop();
  assert.equal((await reportOf(world)).gates.length, 1);
  earlier(world, 'until_ms', 7_200_000);
  const { gates, findings, waits } = await reportOf(world);
  assert.deepEqual([gates, findings.filter(({ code }) => code === 'paused')], [[], []]);
  assert.deepEqual(
    waits.map(({ reason }) => reason),
    ['turn'],
  );
  await world.runOnce();
  await world.stored(1);
});

test('a second pause gives the first one its reason and end; without --for it stays until resume', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  await world.run('ingest-ctl', ['pause', 'hash', '--for', '2h']);
  const since = (await reportOf(world)).gates[0]!.since;
  const { stdout } = await world.run('ingest-ctl', ['pause', 'hash', '--reason', WHY], ADA);
  assert.match(stdout, /^hash of every feed was paused already; now it is by ada: the disk is changed; /);
  const [gate] = (await reportOf(world)).gates;
  assert.deepEqual([gate!.reason, gate!.until, gate!.since], [`by ada: ${WHY}`, null, since]);
});

test('a pause older than a day is an alarm, also where no file waits', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  await world.run('ingest-ctl', ['pause', 'move', '--reason', WHY], ADA);
  assert.equal((await world.run('queue-stat', ['--check'])).code, 0);
  earlier(world, 'since_ms', 86_400_000 + 60_000);
  const { code, stdout } = await world.run('queue-stat', ['--check']);
  assert.equal(code, 2, stdout);
  assert.match(stdout, /^INGEST CRITICAL - move of every feed is paused for more than a day \(by ada: .*resume move/);
});

test('a time of a pause that is none is refused', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  for (const time of ['0s', '2 weeks', '400d']) {
    const { code, stderr } = await world.run('ingest-ctl', ['pause', '--for', time]);
    assert.equal(code, 2);
    assert.match(stderr, /--for must be .* write for example 2h/, time);
  }
});

test('a pause of a stage that the feed does not have is refused with those that it has; what is paused is resumed', async (t) => {
  const world = createWorld(t, { feeds: { orders: { options: { process: BY_COUNTRY } }, early: {} } });
  await world.runOnce();
  const ctl = (...args: string[]) => world.run('ingest-ctl', args);
  const { code, stderr } = await ctl('pause', 'process', '--feed', 'early');
  assert.equal(code, 2);
  assert.match(
    stderr,
    /"process" is not a stage of feed early; its stages are verify-complete, hash, manifest, move\./,
  );
  assert.deepEqual(world.gates(), []);
  assert.equal((await ctl('pause', 'process', '--feed', 'orders')).code, 0);
  assert.equal((await ctl('pause', 'publish')).code, 0, 'for a feed that is added later');
  changeChain(world, 'orders', undefined);
  await world.runOnce();
  assert.equal((await ctl('pause', 'process', '--feed', 'orders')).code, 2);
  assert.match((await ctl('resume', 'process', '--feed', 'orders')).stdout, /^process of orders is open again$/m);
});
