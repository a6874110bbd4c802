/** A wrong value of any option gives one sentence, the right exit code and no change. The values are generated from the schema. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { variableOf } from '../../../src/base/config/command-line.js';
import { COMMANDS, type CommandName, CTL_VERBS } from '../../../src/base/config/commands.js';
import { readInvocation } from '../../../src/base/config/read.js';
import { allFields, feedFields, serviceFields } from '../../../src/base/config/schema.js';
import { CATALOGUE } from '../../../src/base/errors.js';
import { listing, load, makeFolders, refusal, runCommand } from './folders.js';
import { wrongValuesOf } from './wrong-values.js';

/** The message is one sentence: the place of the value, the rule, the value, and the remedy. */
function assertSentence(message: string, name: string, value: string): void {
  assert.ok(message.includes(name), `${message} does not name ${name}`);
  assert.ok(message.includes(value === '' ? 'nothing' : JSON.stringify(value)), `${message} does not show ${value}`);
  assert.match(message, / must be .+; write /);
  assert.doesNotMatch(message, /\n|\bat .+:\d+:\d+/);
}

for (const command of Object.keys(COMMANDS) as CommandName[]) {
  for (const option of COMMANDS[command].options) {
    test(`${COMMANDS[command].name} refuses wrong values of --${option}`, (t) => {
      const folders = makeFolders(t);
      const before = listing(folders.root);
      const wrong = wrongValuesOf(option);
      assert.ok(wrong.length > 0);
      for (const value of wrong) {
        const error = refusal(() => readInvocation(command, [`--${option}=${value}`], folders.env));
        assert.equal(error.exitCode, 2, error.message);
        assert.ok(Object.hasOwn(CATALOGUE, error.code), error.code);
        assertSentence(error.message, `--${option}`, value);
      }
      assert.deepEqual(listing(folders.root), before);
    });
  }
}

test('the same values are refused from the environment, and the message names the variable', (t) => {
  const folders = makeFolders(t);
  for (const option of [...Object.keys(feedFields), ...Object.keys(serviceFields)]) {
    for (const value of wrongValuesOf(option).filter((wrong) => wrong !== '')) {
      const error = refusal(() => load(folders, folders.flags, { [variableOf(option)]: value }));
      assert.equal(error.exitCode, 2);
      if (allFields[option]!.meta.kind !== 'list') assertSentence(error.message, variableOf(option), value);
    }
  }
});

test('the same values are refused from the file, and the message names the file and the feed', (t) => {
  const folders = makeFolders(t);
  const path = join(folders.root, 'config.yaml');
  for (const option of Object.keys(feedFields)) {
    for (const value of wrongValuesOf(option)) {
      writeFileSync(path, stringify({ feeds: { orders: { [option]: [value][0] } } }));
      if (allFields[option]!.meta.kind === 'list' && value === '') continue;
      const error = refusal(() => load(folders, ['--config', path]));
      assert.equal(error.exitCode, 2, `${option}=${value}: ${error.message}`);
      assertSentence(error.message, `feeds.orders.${option} in ${path}`, value);
    }
  }
});

/** A process for every option would take a minute. The tests above show that every option is checked. */
const oneOfEachKind = (options: readonly string[]): string[] => [
  ...new Map(options.map((option) => [allFields[option]!.meta.kind, option])).values(),
];

test('the commands print the sentence on stderr in one line, exit with 2 and create nothing', (t) => {
  const folders = makeFolders(t);
  const before = listing(folders.root);
  for (const option of oneOfEachKind(COMMANDS.ingest.options)) {
    const { status, stdout, stderr } = runCommand('ingest', folders, [`--${option}=${wrongValuesOf(option)[0]}`]);
    assert.equal(status, 2, `${option}: ${stderr}`);
    assert.equal(stdout, '');
    assert.match(stderr, /^ingest: .+\n$/);
  }
  for (const command of ['ingest-producer', 'ingest-worker', 'queue-stat']) {
    const { status, stderr } = runCommand(command, folders, ['--nonsense']);
    assert.equal(status, 2);
    assert.match(stderr, new RegExp(`^${command}: "--nonsense" is not an option .+\\n$`));
  }
  for (const verb of [...CTL_VERBS, 'nonsense']) {
    const { status, stderr } = runCommand('ingest-ctl', folders, [verb, '--nonsense']);
    assert.equal(status, 2);
    assert.match(stderr, /^ingest-ctl.*: .+\n$/);
  }
  assert.deepEqual(listing(folders.root), before);
});

test('a state path that is a directory is refused, and one inside a folder of a feed', (t) => {
  const folders = makeFolders(t);
  assert.match(
    refusal(() => load(folders, [...folders.flags, '--state-path', folders.root])).message,
    /is a directory; name a file/,
  );
  mkdirSync(join(folders.input, 'state'));
  for (const folder of [folders.input, folders.warehouse, folders.manifests]) {
    const inside = join(folder, 'state', 'state.db');
    const error = refusal(() => load(folders, [...folders.flags, '--state-path', inside]));
    assert.equal(error.code, 'folders_overlap');
    assert.ok(error.message.includes('--state-path'));
  }
});
