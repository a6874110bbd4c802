/** --help is complete: a stranger finds every option with its meaning, default, unit and choices. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS, type CommandName, CTL_VERBS, PROGRAM_NAMES } from '../../../src/base/config/commands.js';
import { allFields, GROUPS } from '../../../src/base/config/schema.js';
import { helpOf } from '../../../src/base/help/help.js';
import { overview } from '../../../src/base/help/overview.js';
import { makeFolders, runCommand } from '../config/folders.js';

const oneLine = (text: string): string => text.replace(/\s+/g, ' ');

for (const command of Object.keys(COMMANDS) as CommandName[]) {
  const spec = COMMANDS[command];
  test(`${spec.name} --help has each of its options, and no other`, () => {
    const help = helpOf(spec);
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
    const wide = help.split('\n').filter((line) => line.length > 80);
    assert.deepEqual(wide, []);
  });
}

test('every group of options has a heading in one of the helps', () => {
  const all = Object.values(COMMANDS)
    .map((spec) => helpOf(spec))
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
  assert.match(runCommand('queue-stat', folders, ['--version']).stdout, /^\d+\.\d+\.\d+\n$/);
});

test('the help of a command that has no stages and no state speaks of neither', () => {
  const help = helpOf(COMMANDS['ingest-replicate']).replace(/Exit codes:.*/s, '');
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
    const expected = `${helpOf(COMMANDS[verb as 'retry']).trimEnd()}\n`;
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

test('the overview of ingest-ctl has each verb, in 80 columns', () => {
  const text = overview();
  for (const verb of CTL_VERBS) assert.match(text, new RegExp(`^ {2}${verb}\\b`, 'm'), verb);
  assert.deepEqual(
    text.split('\n').filter((line) => line.length > 80),
    [],
  );
});
