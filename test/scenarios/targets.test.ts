/** Names in the warehouse: the same name with other content arrives beside it, and nothing is ever overwritten. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, renameSync, rmdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { shownName } from '../../src/linux/names.js';
import { pause, resume } from '../world/hand.js';
import { everythingIn } from '../world/listing.js';
import { look } from '../world/tree.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const PATIENT = { everyMs: 25 };

/** A zone in which it is about noon: the day does not end during a test. */
function noon(now = new Date()): { timezone: string; partition: string } {
  const ahead = Math.max(-12, Math.min(12 - now.getUTCHours(), 14));
  const local = new Date(now.getTime() + ahead * 3_600_000);
  const timezone = ahead === 0 ? 'UTC' : `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`;
  return { timezone, partition: `ingest_date=${local.toISOString().slice(0, 10)}` };
}

const targets = (world: World): string[] => world.warehouse().map(({ path }) => shownName(path));
const nothingUnderWay = (world: World): boolean => {
  const jobs = world.jobs();
  return jobs.length >= world.dropped.length && jobs.every(({ state }) => state === 'done' || state === 'held');
};
const settled = (world: World): Promise<true> =>
  until('nothing is under way', () => nothingUnderWay(world) || undefined, PATIENT);

test('the same name with other content, one after the other and at once: all arrive beside each other', async (t) => {
  const { timezone, partition } = noon();
  const world = createWorld(t, { options: { timezone, workers: 'all=2' } });
  world.start('ingest');
  world.drop('x.csv', 100);
  await settled(world);
  for (const folder of ['a', 'b', 'c', 'd', 'e', 'f']) world.drop(`${folder}/x.csv`, 100);
  await settled(world);
  world.drop('x.csv', 100);
  await settled(world);
  await world.stop();
  world.check();
  const stored = targets(world);
  assert.equal(stored.length, 8);
  assert(stored.includes(`${partition}/x.csv`));
  // Two workers may skip numbers that neither uses in the end.
  for (const path of stored) assert.equal(path.replace(/~\d+/, ''), `${partition}/x.csv`);
});

test('a name that is promised and not yet in place is passed over: a paused move holds up no later file', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  await world.event('worker_started');
  await pause(world.statePath, 'move');
  const lines = (count: number) => until(`${count} lines`, () => world.manifest().length === count, PATIENT);
  world.drop('a/x.csv', 100);
  await lines(1);
  world.drop('b/x.csv', 100);
  await lines(2);
  await resume(world.statePath, 'move');
  await settled(world);
  await world.stop();
  world.check();
  assert.deepEqual(
    targets(world).map((path) => path.split('/')[1]),
    ['x.csv', 'x~2.csv'],
  );
});

test('--preserve-subdirs keeps equal names apart by their folders', async (t) => {
  const { timezone, partition } = noon();
  const world = createWorld(t, { options: { timezone, preserveSubdirs: true } });
  for (const folder of ['a', 'b']) world.drop(`${folder}/x.csv`, 100);
  await world.runOnce();
  world.check();
  assert.deepEqual(targets(world), [`${partition}/a/x.csv`, `${partition}/b/x.csv`]);
});

test('a file has the name of a folder that a later one needs, and the other way round: the later name is numbered', async (t) => {
  const { timezone, partition } = noon();
  const world = createWorld(t, { options: { timezone, preserveSubdirs: true } });
  world.drop('eu', 100);
  world.drop('us/orders.csv', 100);
  await world.runOnce();
  rmdirSync(join(world.input, 'us'));
  world.drop('eu/orders.csv', 100);
  world.drop('us', 100);
  await world.runOnce();
  world.check();
  assert.deepEqual(
    targets(world),
    ['eu', 'eu~2/orders.csv', 'us/orders.csv', 'us~2'].map((path) => `${partition}/${path}`),
  );
});

/** Names that the product had planned for a file, with a foreign file on them. */
const seizedTargets = (world: World): string[] => {
  const foreign = new Set(world.bystanders.map(({ seen }) => seen.path));
  return world.ledger().flatMap(({ target }) => (target !== null && foreign.has(target) ? [shownName(target)] : []));
};

test('a racer who creates files on the names to come overwrites nothing, and nothing of his is overwritten', async (t) => {
  const { timezone, partition } = noon();
  const world = createWorld(t, { options: { timezone, workers: 'all=2' } });
  const day = join(world.feed().warehouse, partition);
  mkdirSync(day, { recursive: true });
  let next = 0;
  const seize = (target: string) => {
    try {
      writeFileSync(join(world.feed().warehouse, target), `foreign ${target}`, { flag: 'wx' });
      world.bystander('warehouse', target);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EEXIST');
    }
  };
  const race = setInterval(() => {
    // On the names of lines whose files are not there yet, and on later numbers.
    for (const { target } of world.survey().lines.slice(-10)) if (target) seize(shownName(target));
    for (const n of [next + 2, next + 5]) seize(`${partition}/x~${n}.csv`);
    next += 3;
  }, 1);
  t.after(() => clearInterval(race));
  world.start('ingest');
  await world.event('worker_started');
  // Ten that the racer surely takes: their lines wait for the move until it has taken one name. The others are a race.
  await pause(world.statePath, 'move');
  for (let i = 0; i < 40; i++) {
    world.drop(`${i}/x.csv`, 100);
    if (i === 9) {
      await until('he has seized a promised name', () => seizedTargets(world).length > 0, PATIENT);
      await resume(world.statePath, 'move');
    }
    if (i % 10 === 9) await settled(world);
  }
  clearInterval(race);
  const [jobs, seized] = [world.jobs(), seizedTargets(world)];
  assert.equal(jobs.filter(({ state }) => state === 'held').length, seized.length);
  for (const job of jobs.filter(({ state }) => state === 'held')) assert.equal(job.hold_code, 'target_taken');
  world.check({ settled: false });

  // The operator moves the foreign files away and tries again.
  for (const { seen } of world.bystanders.splice(0)) {
    renameSync(join(world.feed().warehouse, shownName(seen.path)), join(world.root, seen.path.replace('/', '_')));
    assert.equal(look(world.root, seen.path.replace('/', '_') as never)?.sha256, seen.sha256);
  }
  await world.run('ingest-ctl', ['retry', '--all']);
  await until('all stored', () => world.jobs().every(({ ending }) => ending === 'stored'), PATIENT);
  await world.stop();
  world.check();
  assert.equal(world.warehouse().length, 40);
  t.diagnostic(`${jobs.filter(({ state }) => state === 'held').length} of 40 were held for a stranger's file`);
});

test('times of any age arrive with the file and stand in its line to the nanosecond', async (t) => {
  const world = createWorld(t);
  const times = { 'old.csv': -2_208_988_800, 'before.csv': -1.5, 'far.csv': 13_569_465_600 };
  const seen = new Map<string, bigint>();
  for (const [name, seconds] of Object.entries(times)) {
    world.drop(name, 100);
    utimesSync(join(world.input, name), seconds, seconds);
    seen.set(name, look(world.input, name as never)!.mtimeNs);
  }
  await world.runOnce();
  world.check();
  for (const file of world.warehouse()) assert.equal(file.mtimeNs, seen.get(file.path.split('/')[1]!), file.path);
  for (const { raw, record } of world.manifest()) {
    const ns = seen.get(record!.path.slice(world.input.length + 1))!;
    assert.ok(raw.includes(`"mtime_ns":${ns},`), raw);
    assert.equal(
      BigInt(record!.mtime),
      (ns - (((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)) / 1_000_000_000n,
    );
  }
});

test('another warehouse is refused while lines name files that are not there yet, and taken with its marker when all is stored', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  await world.event('worker_started');
  await pause(world.statePath, 'move');
  world.drop('x.csv', 100);
  await until('its line', () => world.manifest().length === 1, PATIENT);
  await world.stop();
  await resume(world.statePath, 'move');
  const other = join(world.root, 'other');
  mkdirSync(other);
  const moved = world.flags('ingest').map((flag) => (flag.startsWith('--warehouse=') ? `--warehouse=${other}` : flag));
  const before = everythingIn(world.root);
  const refused = await world.launch('ingest', [...moved, '--once']).ended;
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /--warehouse of feed default must stay .*warehouse until everything is stored/);
  assert.deepEqual(everythingIn(world.root), before, 'nothing changed, the options in the state neither');
  await world.runOnce();
  world.check();
  cpSync(world.feed().warehouse, other, { recursive: true, preserveTimestamps: true });
  const taken = await world.launch('ingest', [...moved, '--once']).ended;
  assert.equal(taken.code, 0, taken.stderr);
});
