/** queue-stat without options fits every screen: one line a feed, what waits and is held, the worst with a command each. */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { screenLines } from '../../src/commands/queue-screen.js';
import { cut, rowsOf, widthOf } from '../../src/commands/screen.js';
import type { Finding } from '../../src/ingest/health/finding.js';
import type { Report } from '../../src/service/status/report.js';
import { descendantsOf, PACKAGE } from '../world/program.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { withHeldFile } from './cases.js';

const LONG = '/srv/ingest/a-folder-with-a-long-name/and-one-below-it';

const trouble = (n: number, feed: string): Finding => ({
  ...{ code: 'ENOENT', severity: 'stuck', feed, stage: 'move', files: n, since: '2026-01-01T00:00:00.000Z' },
  sentence: `move of trouble-${n} is closed, ENOENT at the warehouse: the warehouse ${LONG} is missing: mount it; ${n} files wait.`,
  release: n % 2 === 0 ? '`ingest-ctl resume move --feed orders`' : 'repair it; it is checked again and again',
});

const plain = (text: string): string => text;

/** A real report, with so many feeds and findings. */
async function reportWith(world: World, feeds: number, findings: number): Promise<Report> {
  const report = JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
  const names = Array.from({ length: feeds }, (_, i) => `feed-${i + 1}`);
  return {
    ...report,
    stages: names.flatMap((feed) => report.stages.map((one) => ({ ...one, feed }))),
    findings: Array.from({ length: findings }, (_, i) => trouble(i + 1, names[i % feeds]!)),
  };
}

const heightOf = (lines: readonly string[], columns: number): number =>
  lines.reduce((sum, line) => sum + rowsOf(line, columns), 0);

test('0, 1, 7 and 40 findings of 1, 12 and 60 feeds fit 80x24 and 200x60; the worst has its command', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  for (const feeds of [1, 12, 60])
    for (const findings of [0, 1, 7, 40]) {
      const report = await reportWith(world, feeds, findings);
      for (const screen of [
        { columns: 80, rows: 24 },
        { columns: 200, rows: 60 },
      ]) {
        const lines = screenLines(report, screen, plain);
        const text = lines.join('\n');
        assert.ok(heightOf(lines, screen.columns) <= screen.rows, text);
        assert.match(lines[0]!, findings === 0 ? /^nothing is wrong; / : new RegExp(`^${findings} stuck; `));
        assert.match(lines.at(-2)!, /Everything:$/);
        assert.equal(lines.at(-1), '`queue-stat --all`');
        const shown = lines.filter((line) => /^feed-\d+ /.test(line)).length;
        const hidden = Number(/^… and (\d+) more feeds$/m.exec(text)?.[1] ?? 0);
        assert.equal(shown + hidden, feeds, text);
        assert.ok(feeds > 12 || hidden === 0, 'each of 12 feeds has its line');
        const told = lines.filter((line) => /^stuck for .+: move of trouble-\d+ /.test(line)).length;
        const left = Number(/^… and (\d+) more\. /m.exec(text)?.[1] ?? 0);
        assert.equal(told + left, findings, text);
        if (findings > 0) assert.match(text, /: move of trouble-1 [^\n]*(\n[^\n ][^\n]*)*\n {4}repair it/);
        if (told > 1) assert.match(text, /^ {4}ingest-ctl resume move --feed orders$/m);
      }
    }
});

test('a pipe has no height: each finding is whole, and no line is cut', async (t) => {
  const world = createWorld(t);
  await world.runOnce();
  const report = await reportWith(world, 12, 40);
  const text = screenLines(report, { columns: 80, rows: Number.POSITIVE_INFINITY }, plain).join('\n');
  assert.doesNotMatch(text, /…/);
  assert.equal(text.split(LONG).length, 41);
});

test('what is held is counted by cause, and its command shows the remedy', async (t) => {
  const world = createWorld(t);
  await withHeldFile(world);
  const report = JSON.parse((await world.run('queue-stat', ['--json'])).stdout) as Report;
  const many = { ...report, findings: [...report.findings, ...Array.from({ length: 40 }, (_, i) => trouble(i, 'b'))] };
  const text = screenLines(many, { columns: 100, rows: 24 }, plain).join('\n');
  assert.match(text, /^held: 1 too_large \(the oldest for [\d.]+s\)$/m);
  assert.match(text, /^ {4}ingest-ctl held --code too_large --feed default$/m);
  assert.match(text, /^default +stuck +0 +1 /m);
});

test('a name of wide letters is cut where the screen ends, not where its letters are counted', () => {
  assert.equal(widthOf('発注.csv'), 8);
  assert.equal(cut('発注発注.csv', 8), '発注発…');
  assert.equal(rowsOf('発'.repeat(41), 80), 2);
});

interface Terminal {
  shell: ChildProcessWithoutNullStreams;
  text: () => string;
}

/** A command on a terminal of 80x24, and how it left the terminal. `then`: what the shell does next. Undefined without script(1). */
function onTerminal(t: TestContext, world: World, options: string, then = 'true'): Terminal | undefined {
  if (spawnSync('script', ['--version']).error) {
    t.skip('no script(1): the output on a terminal was not tested');
    return undefined;
  }
  const command = `'${join(PACKAGE, 'bin/queue-stat')}' --state-path '${world.statePath}' ${options}`;
  const line = `set -m; stty cols 80 rows 24; stty -g; ${command}; code=$?; ${then}; echo "code $code"; stty -g`;
  const shell = spawn('script', ['-qefc', line, '/dev/null']);
  let text = '';
  shell.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
  });
  t.after(() => shell.kill('SIGKILL'));
  return { shell, text: () => text };
}

test('on a terminal of 80x24 everything is seen at once, the prompt included', async (t) => {
  const world = createWorld(t);
  await withHeldFile(world);
  const terminal = onTerminal(t, world, '');
  if (!terminal) return;
  await once(terminal.shell, 'close');
  const printed = terminal.text().split('\r\n').slice(1, -3);
  assert.match(printed.join('\n'), /^1 stuck, 1 notice; 0 waiting, 1 held; /, terminal.text());
  assert.ok(heightOf(printed, 80) < 24, terminal.text());
});

const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';

for (const [how, code, end] of [
  ['q', 0, ({ shell }: Terminal) => shell.stdin.write('q')],
  ['Ctrl-C', 130, ({ shell }: Terminal) => shell.stdin.write('\u0003')],
  ['SIGTERM', 143, ({ shell }: Terminal) => process.kill(watcherOf(shell.pid!), 'SIGTERM')],
  ['SIGHUP', 129, ({ shell }: Terminal) => process.kill(watcherOf(shell.pid!), 'SIGHUP')],
] as const) {
  test(`--watch: ${how} ends it, and the terminal is as before`, async (t) => {
    const world = createWorld(t);
    await withHeldFile(world);
    const terminal = onTerminal(t, world, '--watch');
    if (!terminal) return;
    const frames = () => terminal.text().split('\u001b[H').length - 1;
    await until('the second frame', () => frames() >= 2);
    end(terminal);
    await once(terminal.shell, 'close');
    const text = terminal.text();
    const [before, rest = ''] = text.split(ENTER);
    const [watched = '', after = ''] = rest.split(LEAVE);
    assert.equal(after.trim(), `code ${code}\r\n${before!.trim()}`, 'the settings of the terminal');
    assert.ok(!watched.includes('\u001b[2J'), 'a frame is written over the one before');
    assert.match(watched, /stuck for [\d.]+s: 1 file is held in verify-complete/);
    const rows = (frame: string) => frame.replaceAll('\u001b[K', '').replaceAll('\u001b[J', '').trimEnd().split('\r\n');
    for (const frame of watched.split('\u001b[H').slice(1)) assert.ok(heightOf(rows(frame), 80) < 24, frame);
  });
}

for (const [how, stop] of [
  ['Ctrl-Z', ({ shell }: Terminal) => shell.stdin.write('\u001a')],
  ['SIGTSTP', ({ shell }: Terminal) => process.kill(watcherOf(shell.pid!), 'SIGTSTP')],
] as const) {
  test(`--watch: ${how} stops it, the terminal is as before meanwhile, and fg draws it again`, async (t) => {
    const world = createWorld(t);
    await world.runOnce();
    const terminal = onTerminal(t, world, '--watch', 'echo stopped; stty -g; fg; code=$?');
    if (!terminal) return;
    const framesIn = (text = '') => text.split('\u001b[H').length - 1;
    await until('the second frame', () => framesIn(terminal.text()) >= 2);
    stop(terminal);
    await until('a frame after fg', () => framesIn(terminal.text().split(LEAVE)[1]) >= 1);
    terminal.shell.stdin.write('q');
    await once(terminal.shell, 'close');
    const text = terminal.text();
    const [before = '', ...watched] = text.split(ENTER);
    const [stopped = '', after = ''] = watched.map((one) => one.split(LEAVE)[1]!);
    assert.ok(stopped.includes(`stopped\r\n${before.trim()}`), text);
    assert.equal(after.trim(), `code 0\r\n${before.trim()}`, 'the settings of the terminal');
    assert.equal(watched.length, 2);
  });
}

/** The process that watches: the last child of the shell. */
const watcherOf = (shell: number): number => descendantsOf(shell).at(-1)!;
