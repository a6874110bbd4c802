/** Few descriptors and many directories: smaller steps, an end that is reached, a sentence where there are too few. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { refused } from '../world/lost.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };
const allowed = (files: number) => ({ wrap: ['prlimit', `--nofile=${files}`] });

function dropIntoDirectories(world: World, count: number): void {
  for (let n = 0; n < count; n++) {
    mkdirSync(join(world.feed().input, `${n}`));
    world.drop(`${n}/a.csv`, 10 + n);
  }
}

for (const files of [64, 128])
  test(`${files} descriptors and 400 directories: all of it is ingested`, async (t) => {
    const world = createWorld(t, { options: AT_ONCE });
    dropIntoDirectories(world, 400);
    await world.runOnce([], allowed(files));
    world.check();
    assert.deepEqual(world.log.named('delivery_failing'), []);
  });

test('a producer that can open nothing any more ends when it must, also with --once', async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  // Enough files for a first delivery, then directories that keep the first scan busy: the end that it waits for never comes.
  for (let n = 0; n < 1_200; n++) world.drop(`${n}.csv`, 10 + n);
  for (let n = 0; n < 20_000; n++) mkdirSync(join(world.feed().input, `${n}`));
  const program = world.start('ingest', ['--once']);
  const { worker_pid: producer } = await world.event('worker_started', ({ worker }) => worker === 'producer');
  await world.event('file_ready'); // before that it sets up the feed, and is started again where that fails
  execFileSync('prlimit', ['--pid', String(producer), '--nofile=16:16']);
  await until('it fails', () =>
    program.lines.some((line) => line.includes('"role":"producer"') && line.includes('EMFILE')),
  );
  await program.stop();
});

test('too few descriptors for any work are refused in one sentence', async (t) => {
  const world = createWorld(t);
  for (const command of ['ingest', 'ingest-producer'])
    refused(
      await world.run(command, [], allowed(24)),
      /at least 64 open files, but this one may have 24; raise the limit/,
    );
});
