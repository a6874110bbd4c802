/** The README: its commands run, `npm start` prints what it shows, and its manifest line has the fields of a real one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { files } from '../world/tree.js';
import { until } from '../world/waiting.js';
import { createWorld } from '../world/world.js';
import { blockOf, blocksOf, textOf } from './documents.js';
import { Sandbox } from './sandbox.js';

const FOLDERS = ['staging', 'warehouse', 'manifests'];
const EXAMPLE = 'ops/examples/orders.csv';
const LINES_MAX = 110;
const COLUMNS_MAX = 100;

test('it is short enough to be read in three minutes', () => {
  const lines = textOf('README.md').trimEnd().split('\n');
  assert.ok(lines.length <= LINES_MAX, `${lines.length} lines: move a part to a page of docs/`);
  assert.deepEqual(
    lines.filter((line) => line.length > COLUMNS_MAX),
    [],
    `wrap at ${COLUMNS_MAX} columns`,
  );
});

test('its commands ingest a file, show the queue, and explain where the file went', (t) => {
  const sandbox = new Sandbox(t);
  for (const folder of FOLDERS) mkdirSync(sandbox.at(folder));
  sandbox.write('staging/orders.csv', readFileSync(join(PACKAGE, EXAMPLE), 'utf8'));
  const [commands] = blocksOf('README.md').filter(({ language, note }) => language === 'sh' && note === undefined);
  const script = commands!.text.replace(/ (\/(?:staging|warehouse|manifests))/g, ` ${sandbox.root}$1`);
  const { status, stdout, stderr } = sandbox.run(script, { env: { INGEST_STABILITY_SECONDS: '0' } });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^default +notice +0 +0 - +0 B +1 /m);
  assert.match(stdout, /warehouse\/ingest_date=[\d-]+\/orders\.csv/);
  const [manifest = ''] = [...files(sandbox.at('manifests'))]
    .filter(({ path }) => path.endsWith('manifest.jsonl'))
    .map(({ path }) => path);
  const [line = ''] = readFileSync(sandbox.at(`manifests/${manifest}`), 'utf8').split('\n');
  const shown = JSON.parse(blockOf('README.md', 'json')) as Record<string, unknown>;
  const real = JSON.parse(line) as Record<string, unknown>;
  assert.deepEqual(Object.keys(real), Object.keys(shown), 'the fields of a manifest line');
  for (const field of ['sha256', 'size', 'feed']) assert.equal(real[field], shown[field], field);
});

/** Times, days and durations of a run are those of that run alone. */
const alike = (line: string): string =>
  line
    .replace(/^\d\d:\d\d:\d\d/, 'TIME')
    .replace(/ingest_date=[\d-]+/g, 'ingest_date=DAY')
    .replace(/localhost:\d+/, 'localhost:PORT')
    .replace(/, [\d.]+ ?m?s\)/, ', DURATION)');

/** A line that is broken to fit goes on below the words after its time. */
const whole = (text: string): string => text.replace(/\n {9}/g, ' ');

/** The commands that the first minute asks for, beside `npm start`. */
function inSecondTerminal(): string[] {
  const [, text = ''] = /In a second terminal:\s([\s\S]+?):\n/.exec(textOf('README.md')) ?? [];
  return [...text.matchAll(/`([^`]+)`/g)].map(([, command]) => command!);
}

test('npm start prints the lines that the README shows', async (t) => {
  const world = createWorld(t);
  const [shown] = blocksOf('README.md').filter(({ note }) => note === 'output of: npm start');
  symlinkSync(join(PACKAGE, 'ops'), join(world.root, 'ops'));
  // As on a terminal, whose lines are short.
  const terminal = world.launch('/usr/bin/script', ['-qefc', join(PACKAGE, 'bin/start'), '/dev/null'], {
    cwd: world.root,
  });
  const seen = (): string[] =>
    terminal.stdout
      .replaceAll('\x1b[K', '')
      .split(/[\r\n]+/)
      .map((line) => alike(line.replaceAll(world.root, '.')));
  const all = () => `${shown!.text}\n— but it printed —\n${seen().join('\n')}`;
  const expected = whole(shown!.text).trimEnd().split('\n').map(alike);
  const printed = (line: string) => until(`"${line}" of:\n${all()}`, () => seen().includes(line));
  await printed(expected[0]!);
  await until('it watches', () => seen().some((line) => line.includes('producer')));
  for (const command of inSecondTerminal()) {
    const { status, stderr } = spawnSync('sh', ['-c', command], { cwd: world.root, encoding: 'utf8' });
    assert.equal(status, 0, `${command}\n${stderr}`);
    const [name] = /orders[^/]*\.csv$/.exec(command) ?? [];
    if (command.startsWith('cp '))
      await printed(expected.find((line) => line.includes(`staging/${name ?? 'orders.csv'}`))!);
  }
  for (const line of expected) assert.ok(seen().includes(line), `"${line}" of:\n${all()}`);
});
