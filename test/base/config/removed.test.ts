/** The option of the version before: each way to give it is refused, and its value is not repeated. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { COMMANDS, type CommandName } from '../../../src/base/config/commands.js';
import { readInvocation } from '../../../src/base/config/read.js';
import { makeFolders, refusal, runCommand } from './folders.js';

const URL_WITH_PASSWORD = 'postgres://ingest:pass-word@db.example.org/ingest';
const ENVIRONMENT = { INGEST_SHARED_LEDGER: URL_WITH_PASSWORD };

/** One sentence: what is not taken, why, and what to do. */
const isSentence = (origin: string) => ({
  code: 'option_removed',
  exitCode: 2,
  message: `${origin} is not taken by this version, in which no host shares its ledger; leave it out: a state that has never joined a shared ledger goes on as it is.`,
});

function refusedAs(command: CommandName, argv: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { code, exitCode, message } = refusal(() => readInvocation(command, argv, env));
  return { code, exitCode, message };
}

test('--shared-ledger is refused by every command', () => {
  for (const command of Object.keys(COMMANDS) as CommandName[])
    for (const argv of [['--shared-ledger', URL_WITH_PASSWORD], [`--shared-ledger=${URL_WITH_PASSWORD}`]])
      assert.deepEqual(refusedAs(command, argv), isSentence('--shared-ledger'), command);
});

test('its variable is refused, unless it is empty', () => {
  assert.deepEqual(refusedAs('queue-stat', [], ENVIRONMENT), isSentence('INGEST_SHARED_LEDGER'));
  assert.equal(readInvocation('queue-stat', [], { INGEST_SHARED_LEDGER: '' }).command, 'queue-stat');
});

test('its key is refused, at the top of the file and below a feed', (t) => {
  const { root, input, warehouse, manifests } = makeFolders(t);
  const path = join(root, 'config.yaml');
  const key = `shared-ledger: ${URL_WITH_PASSWORD}`;
  const feed = `feeds: { a: { input: ${input}, warehouse: ${warehouse}, manifests: ${manifests}`;
  writeFileSync(path, `${key}\n`);
  assert.deepEqual(refusedAs('ingest', ['--config', path]), isSentence(`shared-ledger in ${path}`));
  writeFileSync(path, `${feed}, ${key} } }\n`);
  assert.deepEqual(refusedAs('ingest', ['--config', path]), isSentence(`feeds.a.shared-ledger in ${path}`));
});

test('a command ends with that sentence and changes nothing', (t) => {
  const folders = makeFolders(t);
  const { status, stdout, stderr } = runCommand('ingest', folders, [...folders.flags, '--once'], ENVIRONMENT);
  assert.equal(status, 2);
  assert.equal(stdout, '');
  assert.equal(stderr.trim().split('\n').length, 1, stderr);
  assert.match(stderr, /INGEST_SHARED_LEDGER is not taken by this version/);
});
