/**
 * A backup taken at a random moment of random work comes back later: `ingest-ctl rebuild` brings it up to date, and then
 * nothing is lost, nothing stored twice, nothing left over. Prints its seed; SEED repeats the choices (not the timing).
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stagesUsed } from '../../../src/base/config/values/stage-names.js';
import { dice as rolled } from '../../crash/dice.js';
import { holdReady, pause, resume, withState } from '../../world/hand.js';
import { backedUp, rebuilt, restore } from '../../world/lost.js';
import { createWorld, type World } from '../../world/world.js';

const STAGES = stagesUsed([]);
const STEPS = Number(process.env.STEPS ?? 25);

type Dice = (n: number) => number;
const oneOf = <T>(dice: Dice, items: readonly T[]): T => items[dice(items.length)]!;

test('a backup of any moment is brought up to date: nothing lost, nothing twice', async (t) => {
  const seed = process.env.SEED ?? String(process.hrtime.bigint() % 1_000_000n);
  t.diagnostic(`SEED=${seed}`);
  const dice = rolled(seed);
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 }, seed });
  await world.followManifests();
  world.start('ingest', ['--workers', 'all=2']);
  await world.event('worker_started');
  const backups: string[] = [];
  for (let step = 0; step < STEPS; step++) {
    await act(world, dice, step);
    if (dice(6) === 0 || step === STEPS >> 1) backups.push(backedUp(world));
  }
  // The copies are older than the manifests from here on.
  await resume(world.statePath, ...STAGES);
  const last = world.drop('last.csv', 50);
  await world.isStored(last);
  await pause(world.statePath, oneOf(dice, STAGES));
  for (let step = 0; step < 8; step++) await act(world, dice, STEPS + step);
  await world.killAll();

  for (const backup of backups.reverse()) {
    restore(world, backup);
    const { stdout } = await rebuilt(world);
    assert.match(stdout, /what it knew was taken over/);
    await finish(world);
  }
  const lines = world.manifest().length;
  for (const { sha256, path } of world.warehouse()) {
    world.drop(`again-${sha256}.csv`, readFileSync(join(world.feed().warehouse, path)));
  }
  await world.runOnce();
  assert.equal(world.manifest().length, lines, 'every content was known');
});

async function act(world: World, dice: Dice, step: number): Promise<void> {
  const stage = oneOf(dice, STAGES);
  switch (
    oneOf(dice, ['drop', 'drop', 'drop', 'twin', 'twin', 'pause', 'resume', 'hold', 'retry', 'discard', 'rest'])
  ) {
    case 'drop':
      for (let n = 0; n <= dice(6); n++) world.drop(`${step}-${n}.csv`, 40 + n);
      return;
    case 'twin': {
      const of = world.manifest();
      if (of.length > 0) twin(world, step, of[dice(of.length)]!.record!.warehouse_path);
      return;
    }
    case 'pause':
      return pause(world.statePath, stage);
    case 'resume':
      return resume(world.statePath, ...STAGES);
    case 'hold':
      return holdSome(world, dice);
    case 'retry':
      await world.run('ingest-ctl', ['retry', '--all']);
      return;
    case 'discard':
      await world.run('ingest-ctl', ['discard', '--all']);
      return;
    case 'rest':
      await new Promise(setImmediate);
  }
}

function twin(world: World, step: number, path: string): void {
  try {
    world.drop(`twin-${step}.csv`, readFileSync(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // not in place yet
  }
}

async function holdSome(world: World, dice: Dice): Promise<void> {
  const ready = world.jobs().filter(({ state }) => state === 'ready');
  if (ready.length === 0) return;
  await withState(world.statePath, (backend) => holdReady(backend, [ready[dice(ready.length)]!.id]));
}

/** Everything is let through; what is held is tried again. */
async function finish(world: World): Promise<void> {
  await resume(world.statePath, ...STAGES);
  await world.run('ingest-ctl', ['retry', '--all']);
  await world.runOnce();
  const failed = new Set(world.failed().map(({ sha256 }) => sha256));
  for (const digest of failed) world.discarded.add(digest);
  world.check();
}
