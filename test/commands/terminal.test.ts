/** A terminal is never silent: a waiting file is shown with the rest of its quiet window, and --once prints a summary. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { createWorld } from '../world/world.js';

test('ingest --once on a terminal shows what is done, the file that is waited for, short lines and a summary', async (t) => {
  if (spawnSync('script', ['--version']).error) {
    t.skip('no script(1): the output on a terminal was not tested');
    return;
  }
  const world = createWorld(t, { options: { stabilitySeconds: 15 } });
  world.drop('a\u001b[31m.csv', 1_000);
  world.drop('b.csv', 1_000);
  const command = [join(PACKAGE, 'bin', 'ingest'), ...world.flags('ingest'), '--once']
    .map((word) => `'${word}'`)
    .join(' ');
  const { code, stdout } = await world.launch('/usr/bin/script', ['-qec', `stty cols 200; ${command}`, '/dev/null'])
    .ended;
  assert.equal(code, 0, stdout);
  assert.match(stdout, /0%, 0 B of 2\.0 KiB, 0 of 2 files, complete in \d\.\ds if it stays quiet: .*\.csv/);
  assert.match(stdout, /a\\u001b\[31m\.csv → /);
  assert.doesNotMatch(stdout, /"event"/);
  const lines = stdout.split('\n').filter((line) => /\d\d:\d\d:\d\d .*b\.csv/.test(line));
  assert.equal(lines.length, 1, `one line for one file: ${lines}`);
  assert.match(stdout, /ingest: 2 files \(2\.0 KiB\) ingested or skipped as duplicates\./);
});

test('a run on a terminal that finds its files complete at once counts them too', async (t) => {
  if (spawnSync('script', ['--version']).error) {
    t.skip('no script(1): the output on a terminal was not tested');
    return;
  }
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  const once = ['ingest', ...world.flags('ingest'), '--once'];
  const command = once.map((word, i) => `'${i === 0 ? join(PACKAGE, 'bin', word) : word}'`).join(' ');
  for (const name of ['first.csv', 'second.csv']) {
    world.drop(name, name.length);
    const { stdout } = await world.launch('/usr/bin/script', ['-qec', `stty cols 200; ${command}`, '/dev/null']).ended;
    assert.match(stdout, /ingest: 1 file \(\d+ B\) ingested or skipped as duplicates\./, name);
  }
});

test('a large file among small ones moves the bytes, the rate, the time that is left and its own part, while it is read', async (t) => {
  if (spawnSync('script', ['--version']).error) {
    t.skip('no script(1): the progress of a large file on a terminal was not tested');
    return;
  }
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0, maxBytesPerSecond: '16MiB' } });
  world.drop('large.csv', 64 << 20);
  for (let n = 0; n < 20; n++) world.drop(`small ${n}.csv`, 50 + n);
  const command = [join(PACKAGE, 'bin', 'ingest'), ...world.flags('ingest'), '--once'].join(' ');
  const { code, stdout } = await world.launch('/usr/bin/script', ['-qec', `stty cols 200; ${command}`, '/dev/null'])
    .ended;
  assert.equal(code, 0, stdout);
  const line = /(\d+)%, [\d.]+ MiB of 64\.0 MiB, \d+ of 21 files, [\d.]+ [KM]iB\/s, \S+ left; (\d+)% of large\.csv/g;
  const parts = [...stdout.matchAll(line)].map(([, all, its]) => [Number(all), Number(its)] as const);
  assert.ok(new Set(parts.map(([all]) => all)).size > 1, stdout);
  for (const [all, its] of parts) assert.ok(Math.abs(all - its) <= 2, stdout);
  const drawn = [...stdout.matchAll(/(\d+)%, [\d.]+ \w+ of 64/g)].map(([, all]) => Number(all));
  assert.deepEqual(
    drawn,
    drawn.toSorted((a, b) => a - b),
  );
});

test('--once without a terminal logs how far it is, once in ten seconds', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0, maxBytesPerSecond: '2MiB' } });
  world.drop('large.csv', 28 << 20);
  const { code, stdout, stderr } = await world.launch('ingest', [...world.flags('ingest'), '--once']).ended;
  assert.deepEqual([code, stdout], [0, '']);
  const logged = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; time: string; text: string })
    .filter(({ event }) => event === 'progress');
  assert.ok(logged.length > 0, stderr);
  assert.match(
    logged[0]!.text,
    /^ingest: \d+%, [\d.]+ MiB of 28\.0 MiB, 0 of 1 file, [\d.]+ [KM]iB\/s, \S+ left; \d+% of large\.csv$/,
  );
  const times = logged.map(({ time }) => Date.parse(time));
  for (const [n, time] of times.slice(1).entries()) assert.ok(time - times[n]! > 9_000, stderr);
});

test('a warning on a terminal is named and coloured, unless NO_COLOR is set', async (t) => {
  if (spawnSync('script', ['--version']).error) {
    t.skip('no script(1): the output on a terminal was not tested');
    return;
  }
  for (const [variable, start] of [
    ['NO_COLOR=', '\u001b[33mwarn: '],
    ['NO_COLOR=1', 'warn: '],
  ] as const) {
    const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0, maxBytes: 100 } });
    world.drop('large.csv', 200);
    const command = `env ${variable} ${[join(PACKAGE, 'bin', 'ingest'), ...world.flags('ingest'), '--once'].join(' ')}`;
    const { code, stdout } = await world.launch('/usr/bin/script', ['-qec', `stty cols 200; ${command}`, '/dev/null'])
      .ended;
    assert.equal(code, 4, stdout);
    assert.match(stdout.split(` ${start}`)[1] ?? '', /^[^\n]+large\.csv is held /, stdout);
  }
});

test('an audit on a terminal shows its progress, and its findings in full', async (t) => {
  if (spawnSync('script', ['--version']).error) {
    t.skip('no script(1): the output of an audit on a terminal was not tested');
    return;
  }
  const world = createWorld(t);
  world.drop('a.csv', 1_000);
  world.drop('large.csv', 5_000_000);
  await world.runOnce();
  writeFileSync(join(world.feed().warehouse, 'b\u001b[31m'), 'nobody knows it');
  const command = `'${join(PACKAGE, 'bin', 'ingest-ctl')}' audit --hash --state-path '${world.statePath}'`;
  const { code, stdout } = await world.launch('/usr/bin/script', ['-qec', `stty cols 200; ${command}`, '/dev/null'])
    .ended;
  assert.equal(code, 4, stdout);
  assert.match(stdout, /reading files: 0%, 0 B of 4\.8 MiB, 0 of 3 files/);
  assert(stdout.includes('\u001b[Kfile_unknown'), stdout);
  assert.match(stdout, /b\\u001b\[31m: nobody knows it/);
  assert.match(stdout, /^1 difference in 2 contents, 2 lines and 3 files/m);
});
