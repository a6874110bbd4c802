/**
 * Everything is killed at a known call of the seal or of the private copy. Then the files on disk are checked, and a start goes
 * on from there. Kills while lines are written: kills.test.ts, manifest.test.ts.
 */
import assert from 'node:assert/strict';
import { linkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Dropped } from '../world/dropping.js';
import { faultsIn, type Point } from '../world/faults.js';
import type { Options } from '../world/layout.js';
import { createWorld, type World } from '../world/world.js';

interface Killed {
  world: World;
  dropped: Dropped;
  /** Names in `underprocess/`, without the job's id. */
  names: () => string[];
}

async function killedAt(
  t: TestContext,
  point: Point,
  options: Options = {},
  prepare: (world: World, dropped: Dropped) => void = () => {},
): Promise<Killed | undefined> {
  const world = createWorld(t, { options });
  const faults = faultsIn(world.root);
  if (!faults) {
    t.skip(`there is no gcc: a kill at ${point} was not tested`);
    return undefined;
  }
  const dropped = world.drop('a.csv', 1_000);
  prepare(world, dropped);
  faults.armForAll(point);
  const { signal } = await world.start('ingest', [], { env: faults.env }).ended;
  assert.equal(signal, 'SIGKILL');
  assert.equal(faults.kills(), 1);
  const names = () => world.underprocess().map(({ path }) => path.slice(26));
  return { world, dropped, names };
}

const inInput = (world: World): string[] => world.survey().input.map(({ path }) => path);

async function goesOn({ world }: Killed): Promise<void> {
  await world.runOnce();
  world.check();
  assert.equal(world.warehouse().length, 1);
}

test('killed between verify and seal: the job is claimed, the file in the input; it is verified again', async (t) => {
  const killed = await killedAt(t, 'before_seal');
  if (!killed) return;
  const [job] = killed.world.jobs();
  assert.deepEqual([job!.stage, job!.state], ['verify-complete', 'claimed']);
  assert.deepEqual(inInput(killed.world), ['a.csv']);
  assert.deepEqual(killed.names(), []);
  await goesOn(killed);
});

test("killed after the seal's rename, before its commit: the same job goes on with the sealed file", async (t) => {
  const killed = await killedAt(t, 'sealed');
  if (!killed) return;
  const { world } = killed;
  const [job] = world.jobs();
  assert.deepEqual([job!.stage, job!.state], ['verify-complete', 'claimed']);
  assert.deepEqual(inInput(world), []);
  assert.deepEqual(killed.names(), ['~a.csv']);
  // That job does not go on with the next version of the name.
  const next = world.drop('a.csv', 2_000);
  await world.runOnce();
  world.check();
  const jobs = world.jobs();
  assert.equal(jobs.find(({ id }) => id === job!.id)!.payload.sha256, killed.dropped.sha256);
  assert.equal(jobs.find(({ id }) => id !== job!.id)!.payload.sha256, next.sha256);
});

const withSidecar = (world: World, { name, sha256 }: Dropped): void => world.sidecar(name, `${sha256}  ${name}\n`);

test('the sidecar sealed and the file not: a file that is still the verified one is sealed too', async (t) => {
  const killed = await killedAt(t, 'before_seal', { mode: 'sidecar' }, withSidecar);
  if (!killed) return;
  assert.deepEqual(killed.names(), ['.ok~a.csv']);
  assert.deepEqual(inInput(killed.world), ['a.csv']);
  await goesOn(killed);
});

test('the sidecar sealed and the file replaced: the sidecar goes to failed/, the new file waits for its own', async (t) => {
  const killed = await killedAt(t, 'before_seal', { mode: 'sidecar' }, withSidecar);
  if (!killed) return;
  const { world, dropped } = killed;
  // The version that the sidecar belongs to is removed.
  renameSync(join(world.input, 'a.csv'), join(world.root, 'withdrawn'));
  world.dropped.splice(world.dropped.indexOf(dropped), 1);
  const next = world.drop('a.csv', 2_000);
  await world.runOnce();
  assert.deepEqual(killed.names(), []);
  assert.deepEqual(
    world.failed().map(({ path }) => path.slice(26)),
    ['.ok~a.csv'],
  );
  assert.deepEqual(inInput(world), ['a.csv']);
  assert.equal(world.manifest().length, 0);
  withSidecar(world, next);
  await world.runOnce();
  assert.deepEqual(
    world.warehouse().map(({ sha256 }) => sha256),
    [next.sha256],
  );
});

test('a partial private copy is removed after a kill, and made again', async (t) => {
  const killed = await killedAt(t, 'before_copied', {}, (world) => {
    // With a second link no lease can prove that nobody writes.
    linkSync(join(world.input, 'a.csv'), join(world.root, 'elsewhere'));
  });
  if (!killed) return;
  const { world, names } = killed;
  assert.deepEqual(names().sort(), ['.tmp~a.csv', '~a.csv']);
  const partial = world.underprocess().find(({ path }) => path.slice(26) === '.tmp~a.csv')!;
  // Cut in the middle, as a kill a moment earlier leaves it.
  writeFileSync(join(world.root, '.input.ingest/underprocess', partial.path), 'half of it');
  await goesOn(killed);
  assert.deepEqual(names(), []);
  assert.equal(world.manifest()[0]!.record!.seal, 'copy');
  assert.equal(world.jobs()[0]!.attempts, 0, 'the rest of a copy is no failure');
});
