/** `ingest-ctl rebuild` over a state in which a twin has inherited the line of a discarded file: it keeps it, or gives it back. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { ctl, done, held, readyFor, waiting } from '../../world/jobs.js';
import { workDirOf } from '../../world/layout.js';
import { rebuilt } from '../../world/lost.js';
import { createWorld, type World } from '../../world/world.js';

/** No quiet window: a file is sealed at once. */
const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };

const jobOf = (world: World, name: string) =>
  world
    .jobs()
    .filter(({ key }) => key === name)
    .at(-1)!;

/** Its sealed file. */
const jobFile = (world: World, name: string): string =>
  join(
    workDirOf(world.feed()),
    'underprocess',
    world.underprocess().find(({ path }) => path.startsWith(jobOf(world, name).id))!.path,
  );

/** Two equal files: the first one is discarded after its line was written, and the second one has the line. Everything is stopped. */
async function inherited(world: World): Promise<{ sha256: string; line: string; taken: string }> {
  const program = world.start('ingest');
  await world.event('worker_started');
  await ctl(world, 'pause', 'move');
  const { sha256 } = world.drop('a.csv', 100);
  await readyFor(world, 'a.csv', 'move');
  const { ingest_id: line, warehouse_path: taken } = world.manifest()[0]!.record!;
  world.drop('b.csv', readFileSync(jobFile(world, 'a.csv')));
  await waiting(world, 'b.csv');
  mkdirSync(dirname(taken), { recursive: true });
  writeFileSync(taken, 'somebody else was quicker');
  await ctl(world, 'resume', 'move');
  await held(world, 'a.csv', 'target_taken');
  await ctl(world, 'discard', line);
  await done(world, 'a.csv', 'discarded');
  await held(world, 'b.csv', 'target_taken');
  await program.stop();
  rmSync(taken);
  return { sha256, line, taken };
}

test('the heir of a line keeps it, also where the discarded file was pruned since', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const { sha256, line } = await inherited(world);
  rmSync(join(workDirOf(world.feed()), 'failed'), { recursive: true });
  await rebuilt(world);
  await ctl(world, 'retry', '--all');
  await world.runOnce();
  assert.deepEqual(
    world.warehouse().map((file) => file.sha256),
    [sha256],
  );
  assert.deepEqual(
    world.manifest().map(({ record }) => record!.ingest_id),
    [line],
  );
});

test('a line that a discarded heir gave back is free after a rebuild, and is given back once', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const { sha256, line } = await inherited(world);
  await ctl(world, 'discard', jobOf(world, 'b.csv').id);
  await rebuilt(world);
  await world.runOnce();
  const hour = dirname(join(world.feed().manifests, world.manifest()[0]!.file));
  const given = readFileSync(join(hour, 'corrections.jsonl'), 'utf8')
    .split('\n')
    .filter((one) => one.includes(line));
  assert.equal(given.length, 1);
  world.drop('again.csv', readFileSync(join(workDirOf(world.feed()), 'failed', world.failed()[0]!.path)));
  await world.runOnce();
  assert.deepEqual(
    world.warehouse().map((file) => file.sha256),
    [sha256],
  );
});

test('a twin of a file that was written to before its line is free after a rebuild: both contents are stored', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  const program = world.start('ingest');
  await world.event('worker_started');
  await ctl(world, 'pause', 'manifest');
  const { sha256 } = world.drop('a.csv', 100);
  await readyFor(world, 'a.csv', 'manifest');
  const sealed = jobFile(world, 'a.csv');
  world.drop('b.csv', readFileSync(sealed));
  await waiting(world, 'b.csv');
  await program.stop();
  writeFileSync(sealed, 'written by root');
  await rebuilt(world);
  await ctl(world, 'resume', 'manifest');
  const { code } = await world.run('ingest', ['--once']);
  const byRoot = createHash('sha256').update('written by root').digest('hex');
  assert.deepEqual(
    world
      .warehouse()
      .map((file) => file.sha256)
      .sort(),
    [sha256, byRoot].sort(),
    JSON.stringify([code, world.jobs()]),
  );
  assert.equal(code, 0);
});
