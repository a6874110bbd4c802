/**
 * --help is one screen with what a first hour needs; --help-all is complete: a stranger finds every option with its meaning,
 * default, unit and choices.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS, type CommandName, CTL_VERBS, PROGRAM_NAMES } from '../../../src/base/config/commands.js';
import { allFields, FIRST_HOUR, GROUPS } from '../../../src/base/config/schema.js';
import { fullHelp, overview, shortHelp, shortOverview } from '../../../src/base/help/help.js';
import { makeFolders, runCommand } from '../config/folders.js';

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');

for (const command of Object.keys(COMMANDS) as CommandName[]) {
  const spec = COMMANDS[command];
  test(`${spec.name} --help-all has each of its options, and no other`, () => {
    const help = fullHelp(spec);
    const shown = [...help.matchAll(/^ {2}--(?:\[no-\])?([a-z-]+)/gm)].map(([, name]) => name);
    assert.deepEqual(shown.toSorted(), [...spec.options].toSorted());
    const text = oneLine(help);
    for (const option of spec.options) {
      const { defaultText, choices, kind, ...meta } = allFields[option]!.meta;
      const isOnlyToFind = option === 'input' && !(spec.options as string[]).includes('warehouse');
      const means = (spec.means as Record<string, string> | undefined)?.[option];
      const description = means ?? (isOnlyToFind ? 'Find the state' : meta.description);
      assert.ok(text.includes(oneLine(description)), `${option}: ${description}`);
      if (kind !== 'switch' && defaultText && defaultText !== 'none' && !(spec.needs as string[]).includes(option)) {
        assert.ok(text.includes(`(default: ${defaultText}`), `${option}: ${defaultText}`);
      }
      for (const choice of choices ?? []) assert.ok(text.includes(choice), `${option}: ${choice}`);
    }
    assert.deepEqual(wideLines(help), []);
  });

  test(`${spec.name} --help fits a terminal of 80x24 with its prompt, and names the rest`, () => {
    const help = shortHelp(spec);
    assert.ok(help.split('\n').length <= SCREEN_LINES, help);
    assert.deepEqual(wideLines(help), []);
    const page = spec.name.replace(' ', '-');
    assert.ok(oneLine(help).endsWith(`All of it: ${spec.name} --help-all, or man ${page}. `), help);
    const shown = [...help.matchAll(/^ {2}--(?:\[no-\])?([a-z-]+)/gm)].map(([, name]) => name!);
    const all = spec.options.filter((name) => !['help', 'help-all', 'version'].includes(name));
    if (shown.length === all.length) return;
    for (const name of [...spec.needs, 'config']) assert.ok(shown.includes(name), name);
    assert.deepEqual(
      shown.filter((name) => !FIRST_HOUR.has(name)),
      [],
    );
  });
}

/** The last one is empty: the shell's prompt. */
const SCREEN_LINES = 24;
const wideLines = (text: string): string[] => text.split('\n').filter((line) => line.length > 80);

test('ingest --help has ten options and three examples; each option of a first hour exists', () => {
  const help = shortHelp(COMMANDS.ingest);
  assert.equal(help.match(/^ {2}--/gm)?.length, 10, help);
  assert.equal(help.match(/^ {2}ingest /gm)?.length, 3, help);
  for (const name of FIRST_HOUR) assert.ok(Object.hasOwn(allFields, name), name);
});

test('a wrong option is refused with the nearest one and what that one means', (t) => {
  const folders = makeFolders(t);
  const refused = (command: string, argv: string[]) => {
    const { status, stdout, stderr } = runCommand(command, folders, argv);
    assert.deepEqual({ status, stdout }, { status: 2, stdout: '' });
    return stderr;
  };
  assert.equal(
    refused('ingest', ['--stabilty-seconds', '5']),
    'ingest: "--stabilty-seconds" is not an option of ingest; did you mean --stability-seconds TIME: how long a file must be unchanged? ingest --help-all lists all options.\n',
  );
  assert.match(
    refused('queue-stat', ['--jsn']),
    /did you mean --json: print JSON instead of text\? queue-stat --help-all/,
  );
  assert.match(refused('ingest-replicate', ['--onc']), /did you mean --once: end when DEST is like SOURCE\?/);
  assert.match(refused('ingest', ['--qqqqqq']), /is not an option of ingest; ingest --help-all lists all options\.\n$/);
});

test('every group of options has a heading in one of the full helps', () => {
  const all = Object.values(COMMANDS)
    .map((spec) => fullHelp(spec))
    .join('\n');
  for (const group of GROUPS) assert.ok(all.includes(`\n${group}:\n`), group);
});

test('--help and --version answer on stdout with exit code 0, whatever else is given', (t) => {
  const folders = makeFolders(t);
  const help = runCommand('ingest', folders, ['--help', '--config', '/nowhere']);
  assert.equal(help.status, 0);
  assert.equal(help.stderr, '');
  assert.ok(help.stdout.includes('Usage: ingest'));
  assert.equal(runCommand('ingest', folders, ['-h']).stdout, help.stdout);
  const full = runCommand('ingest', folders, ['--help-all', '--config', '/nowhere']);
  assert.deepEqual([full.status, full.stderr, full.stdout], [0, '', `${fullHelp(COMMANDS.ingest).trimEnd()}\n`]);
  assert.match(runCommand('queue-stat', folders, ['--version']).stdout, /^\d+\.\d+\.\d+\n$/);
});

test('the help of a command that has no stages and no state speaks of neither', () => {
  const help = fullHelp(COMMANDS['ingest-replicate']).replace(/Exit codes:.*/s, '');
  assert.doesNotMatch(help, /\bstages?\b|state-path|STATE_PATH|\binput\b/);
});

test('COMMAND help, COMMAND help VERB and COMMAND VERB --help answer the same as --help', (t) => {
  const folders = makeFolders(t);
  for (const command of [...PROGRAM_NAMES, 'ingest-ctl']) {
    const { status, stdout, stderr } = runCommand(command, folders, ['help']);
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, command);
    assert.equal(stdout, runCommand(command, folders, ['--help']).stdout, command);
    assert.match(stdout, new RegExp(`^Usage: ${command} `, 'm'));
  }
  for (const verb of ['retry', 'prune']) {
    const expected = `${shortHelp(COMMANDS[verb as 'retry']).trimEnd()}\n`;
    for (const argv of [
      ['help', verb],
      ['--help', verb],
      [verb, '--help'],
      [verb, '-h'],
      [verb, 'help'],
    ])
      assert.equal(runCommand('ingest-ctl', folders, argv).stdout, expected, argv.join(' '));
  }
});

test('a verb that is none is refused with the nearest one, also after help; an option before the verb too', (t) => {
  const folders = makeFolders(t);
  for (const argv of [['retyr'], ['help', 'retyr']]) {
    const { status, stderr } = runCommand('ingest-ctl', folders, argv);
    assert.equal(status, 2);
    assert.match(
      stderr,
      /^ingest-ctl: "retyr" is not a verb of ingest-ctl; did you mean retry\? the verbs are .+\.\n$/,
    );
  }
  const { status, stderr } = runCommand('ingest-ctl', folders, ['--json', 'held']);
  assert.equal(status, 2);
  assert.match(stderr, /takes its verb first, but got "--json"; write ingest-ctl VERB --json/);
});

test('both overviews of ingest-ctl have each verb, in 80 columns; the short one fits a screen', (t) => {
  const folders = makeFolders(t);
  for (const verb of CTL_VERBS) {
    assert.match(overview(), new RegExp(`^ {2}${verb}\\b`, 'm'), verb);
    assert.match(shortOverview(), new RegExp(`^ {2}.*\\b${verb}\\b`, 'm'), verb);
  }
  assert.deepEqual(wideLines(overview() + shortOverview()), []);
  assert.ok(shortOverview().split('\n').length <= SCREEN_LINES, shortOverview());
  assert.equal(runCommand('ingest-ctl', folders, ['--help-all']).stdout, `${overview().trimEnd()}\n`);
});
