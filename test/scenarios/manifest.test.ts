/** The manifest seen from outside: a reader who tails it through kills between an append's intent and its confirmation. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { APPEND_POINTS, type Faults, faultsIn, type Point } from '../world/faults.js';
import type { TailReport } from '../world/tailer.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const BATCH = 12;
const CUTTING = new URL('../ingest/manifest/cutting/switch.js', import.meta.url).href;

interface Seen {
  world: World;
  faults: Faults;
  report: TailReport;
}

/** Files arrive, their append is killed at each of the points, another process finishes it, and a reader checks all the time. */
async function readThroughKills(
  t: TestContext,
  concurrency: number,
  points: readonly Point[],
  env: NodeJS.ProcessEnv = {},
): Promise<Seen | undefined> {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) {
    t.skip('no gcc: that a reader of the manifest sees no change through kills was not tested');
    return undefined;
  }
  world.start('ingest', ['--workers', `all=${concurrency}`], { env: { ...faults.env, ...env } });
  const tail = await world.manifestTail();
  let kills = 0;
  for (const [round, point] of points.entries()) {
    faults.arm(point, 1);
    kills += 1;
    for (let i = 0; i < BATCH; i++) world.drop(`${round}-${i}.csv`, 50, { how: 'rename' });
    await until(`kill ${kills}, ${point}`, () => faults.kills() >= kills);
    await world.allDroppedDone();
  }
  await world.stop();
  assert.ok(faults.calls() > points.length, 'the library saw the appends');
  return { world, faults, report: await tail.stop() };
}

for (const concurrency of [1, 2]) {
  test(`no byte that a reader saw changes through kills at every point of an append, ${concurrency} workers`, async (t) => {
    const seen = await readThroughKills(t, concurrency, [...APPEND_POINTS, 'half_written']);
    if (!seen) return;
    assert.deepEqual(seen.report.broken, []);
    assert.equal(seen.faults.kills(), APPEND_POINTS.length + 1);
    assert.ok(seen.report.looks > 50, `${seen.report.looks} looks`);
    seen.world.check();
    t.diagnostic(`${seen.faults.kills()} kills between intent and confirmation, ${seen.report.looks} looks`);
  });
}

test('a redo that is killed itself is redone, three times over', async (t) => {
  const world = createWorld(t);
  const faults = faultsIn(world.root);
  if (!faults) return t.skip('no gcc: an append that is killed again and again was not tested');
  faults.arm('half_written', 3);
  const tail = await world.manifestTail();
  for (let i = 0; i < BATCH; i++) world.drop(`${i}.csv`, 50);
  world.start('ingest', [], { env: faults.env });
  await until('three kills', () => faults.kills() === 3);
  await world.allDroppedDone();
  await world.stop();
  assert.deepEqual((await tail.stop()).broken, []);
  world.check();
});

test('the same reader notices a recovery that cuts and writes again', async (t) => {
  const seen = await readThroughKills(t, 1, ['written', 'half_written'], { NODE_OPTIONS: `--import=${CUTTING}` });
  if (!seen) return;
  assert.ok(seen.world.log.named('manifest_cut').length >= 2, 'the recovery was switched');
  assert.match(seen.report.broken.join('\n'), /was cut|byte before a newline/);
});

test('a manifest that cannot be written is a failing place: no attempt is spent, and all goes on when it is repaired', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  world.drop('first.csv', 10);
  await world.allDroppedDone();
  const [{ file } = { file: '' }] = world.manifest();
  const path = join(world.feed().manifests, file);
  renameSync(path, `${path}.1`);
  mkdirSync(path);
  world.drop('second.csv', 10);
  const closed = await world.event('gate_closed');
  assert.deepEqual([closed.stage, closed.place, closed.code], ['manifest', 'manifests', 'EISDIR']);
  const job = world.jobs().findLast(({ key }) => key === 'second.csv')!;
  assert.deepEqual([job.hold_code, job.attempts], [null, 0]);
  rmdirSync(path);
  renameSync(`${path}.1`, path);
  await world.allDroppedDone();
  await world.stop();
  world.check();
});
