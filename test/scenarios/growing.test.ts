/** A file that grows while it waits: every command that shows it shows its current size, and promises no time. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';

test('queue-stat, held and explain show the size that a growing file has, not the one that it was first seen with', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 1, maxBytes: 10_000 } });
  world.start('ingest');
  const [writer, large] = [world.writer('grows.csv'), world.writer('large.csv')];
  for (const one of [writer, large]) one.write('x'.repeat(100));
  await until('both to be seen', () => world.jobs().length === 2);
  writer.write('x'.repeat(4_900));
  large.write('x'.repeat(20_000));

  const explained = await world.run('ingest-ctl', ['explain', join(world.input, 'grows.csv'), '--json']);
  const [found] = JSON.parse(explained.stdout).found;
  assert.equal(found.job.bytes, 5_000, 'at once');
  world.held.add('large.csv');
  let told: { bytes: number }[] = [];
  await until('it to be held', async () => {
    told = (await world.run('ingest-ctl', ['held', '--json'])).stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    return told.length === 1;
  });
  assert.equal(told[0]!.bytes, 20_100);
  // It keeps growing, so that no check finds it quiet.
  const growth = setInterval(() => writer.write('x'), 100);
  t.after(() => clearInterval(growth));
  let stages: { stage: string; deferred: number; held: number; bytes: number }[] = [];
  await until(
    'queue-stat to say so',
    async () => {
      stages = JSON.parse((await world.run('queue-stat', ['--json'])).stdout).stages;
      return stages[0]!.bytes > 25_100;
    },
    { soFar: () => JSON.stringify(stages[0]) },
  );
  clearInterval(growth);
  writer.close();
  await world.stored(1);
  large.close();
});

test('the status line promises no time while a writer is at work, and says that the file grows', async (t) => {
  if (spawnSync('script', ['--version']).error) {
    t.skip('no script(1): what is shown on a terminal was not tested');
    return;
  }
  const world = createWorld(t, { options: { stabilitySeconds: 3 } });
  const writer = world.writer('grows.csv');
  const command = [join(PACKAGE, 'bin', 'ingest'), ...world.flags('ingest'), '--once'].map((word) => `'${word}'`);
  const shell = `stty cols 200; ${command.join(' ')}`;
  const program = world.launch('/usr/bin/script', ['-qec', shell, '/dev/null']);
  const shown = (): string[] => program.stdout.match(/still growing|complete in \d/g) ?? [];
  const promises = (lines: readonly string[]) => lines.filter((line) => line.startsWith('complete'));
  await until(
    'two windows and more to be shown',
    () => {
      writer.write('another line\n');
      return shown().length >= 8;
    },
    { everyMs: 100, soFar: () => program.stdout },
  );
  const during = shown();
  writer.close();
  // Before its first check, and while this process cannot write for two seconds.
  assert.ok(promises(during).length <= 2, during.join(', '));
  const { code, stdout } = await program.ended;
  assert.equal(code, 0, stdout);
  assert.ok(promises(shown().slice(during.length)).length > 0, 'a time is promised when the writer has gone');
});
