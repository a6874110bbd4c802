/** The completions in real shells: bash and zsh on a terminal, with the TAB key; fish by its own `complete -C`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CTL_VERBS, PROGRAM_NAMES } from '../../../src/base/config/commands.js';
import { COMPLETIONS, missing, typed } from './shell.js';

const COMMANDS = [...PROGRAM_NAMES, 'ingest-ctl'];

/** A directory and a file whose names have a blank. */
function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'completions-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  mkdirSync(join(path, 'my data'));
  writeFileSync(join(path, 'my file.yaml'), '');
  return path;
}

/** Text that is typed with TAB, and the words that the command then gets. zsh removes a slash or equals sign at the end. */
const cases = (at: string): [keys: string, bash: string, zsh?: string][] => [
  ['ingest --mo\tside\t', '--mode sidecar', '--mode=sidecar'],
  ['ingest --mode=st\t', '--mode=stability'],
  ['ingest --no-r\t', '--no-recursive'],
  [`ingest --input ${at}/my\t`, `--input ${at}/my data/`, `--input ${at}/my data`],
  [`queue-stat --config ${at}/my\\ f\t`, `--config ${at}/my file.yaml`],
  ['ingest-worker --stage ha\t', '--stage hash'],
  ['ingest-ctl expl\t', 'explain'],
  ['ingest-ctl pause verif\t', 'pause verify-complete'],
  ['ingest-ctl prune --keep-h\t', 'prune --keep-history'],
  ['ingest-ctl help allo\t', 'help allow-again'],
  [`ingest-replicate ${at}/my\t`, `${at}/my data/`, `${at}/my data`],
];

const tidied = (words: string[]): string[] => words.map((line) => line.trim());

test('bash completes options, their values, paths, verbs and stages', { skip: missing('script') }, async (t) => {
  const at = folder(t);
  const functions = COMMANDS.map((name) => `${name}() { printf 'G%s\\n' "OT:$*"; }`).join('; ');
  const setup = `${functions}; for f in $COMPLETIONS/bash/*; do . $f; done; PS1=; bind 'set bell-style none'`;
  const got = await typed(
    t,
    'bash --norc --noprofile -i',
    setup,
    cases(at).map(([keys]) => keys),
  );
  assert.deepEqual(
    tidied(got),
    cases(at).map(([, words]) => words),
  );
});

test('zsh completes the same', { skip: missing('zsh') || missing('script') }, async (t) => {
  const at = folder(t);
  const functions = COMMANDS.map((name) => `${name}() { printf 'G%s\\n' "OT:$*"; }`).join('; ');
  const setup = `PS1=; fpath=($COMPLETIONS/zsh $fpath); autoload -U compinit; compinit -u; ${functions}; unsetopt list_beep zle_bracketed_paste`;
  const got = await typed(
    t,
    'zsh -f -i',
    setup,
    cases(at).map(([keys]) => keys),
  );
  assert.deepEqual(
    tidied(got),
    cases(at).map(([, words, zsh = words]) => zsh),
  );
});

test('fish completes the same, with a description', { skip: missing('fish') }, (t) => {
  const at = folder(t);
  const candidates = (line: string): string[] => {
    const script = `for file in ${COMPLETIONS}/fish/*; source $file; end; complete -C '${line}'`;
    const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', script], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: at, TERM: 'dumb', LC_ALL: 'C.UTF-8' },
    });
    assert.equal(stderr, '');
    return stdout.split('\n').filter((one) => one !== '');
  };
  const names = (line: string) => candidates(line).map((one) => one.split('\t')[0]!.replaceAll('\\', ''));
  assert.deepEqual(names('ingest --mode '), ['sidecar', 'stability']);
  assert.match(candidates('ingest --stab')[0]!, /^--stability-seconds\t\w.+/);
  assert.deepEqual(names(`ingest --input ${at}/`), [`${at}/my data/`]);
  assert.deepEqual(names(`queue-stat --config ${at}/my`).toSorted(), [`${at}/my data/`, `${at}/my file.yaml`]);
  assert.deepEqual(names('ingest-ctl ').toSorted(), [...CTL_VERBS, 'help'].toSorted());
  assert.deepEqual(names('ingest-ctl pause ha'), ['hash']);
  assert.deepEqual(names('ingest-ctl prune --keep-h'), ['--keep-history']);
  assert.deepEqual(names('ingest-ctl held --keep-h'), []);
});

test('each command has a completion in each shell', () => {
  for (const name of COMMANDS) {
    for (const path of [`bash/${name}`, `zsh/_${name}`, `fish/${name}.fish`]) {
      const shell = path.split('/')[0]!;
      if (missing(shell)) continue;
      const { stderr, status } = spawnSync(shell, ['-n', join(COMPLETIONS, path)], { encoding: 'utf8' });
      assert.deepEqual({ status, stderr }, { status: 0, stderr: '' }, path);
    }
  }
});
