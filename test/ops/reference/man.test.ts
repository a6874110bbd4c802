/** The man pages: groff and man-db take them without a warning, and each has every option of its command. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { COMMANDS, type CommandSpec, CTL_VERBS } from '../../../src/base/config/commands.js';
import { feedFields, serviceFields } from '../../../src/base/config/schema.js';
import { PACKAGE } from '../../world/program.js';
import { missing } from './shell.js';

const MAN = join(PACKAGE, 'dist/man');
const pages = readdirSync(MAN);
const skip = missing('man') || missing('groff');

function shown(page: string, locale = 'C.UTF-8'): string {
  const { stdout, stderr, status } = spawnSync('man', ['--warnings', '-l', join(MAN, page)], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, LC_ALL: locale, MANWIDTH: '80', HOME: '/nonexistent' },
  });
  assert.deepEqual({ stderr, status }, { stderr: '', status: 0 }, page);
  return stdout;
}

test('man shows every page without a warning, in UTF-8 and in plain C', { skip }, () => {
  for (const page of pages) {
    for (const locale of ['C', 'C.UTF-8']) {
      const text = shown(page, locale);
      assert.match(text, /^NAME$/m, page);
      assert.doesNotMatch(text, /undefined|\\f|\(rs/, page);
    }
  }
});

test('whatis and apropos find every page by its name', { skip: missing('lexgrog') }, () => {
  for (const page of pages) {
    const { stdout, status } = spawnSync('lexgrog', [join(MAN, page)], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
    assert.ok(stdout.includes(`"${page.replace(/\.\d$/, '')} - `), stdout);
  }
});

test('the page of a command has each of its options, the example and the exit codes', { skip }, () => {
  for (const spec of Object.values(COMMANDS) as CommandSpec[]) {
    const text = shown(`${spec.name.replace(' ', '-')}.1`);
    for (const option of spec.options) assert.match(text, new RegExp(`^ +--(\\[no-\\])?${option}\\b`, 'm'), spec.name);
    for (const heading of ['SYNOPSIS', 'DESCRIPTION', 'ENVIRONMENT', 'EXIT STATUS', 'EXAMPLES', 'SEE ALSO'])
      assert.match(text, new RegExp(`^${heading}$`, 'm'), spec.name);
  }
  const overview = shown('ingest-ctl.1');
  for (const verb of CTL_VERBS) assert.match(overview, new RegExp(`^ +${verb}\\b`, 'm'), verb);
});

test('the page of the configuration file has every key', { skip }, () => {
  const text = shown('atomic-ingestor.yaml.5');
  const keys = [...Object.keys(feedFields), ...Object.keys(serviceFields)];
  for (const key of keys.filter((name) => !['once', 'dry-run', 'stage'].includes(name)))
    assert.match(text, new RegExp(`^ +${key}: `, 'm'), key);
});

test('npm installs every page: package.json names each', () => {
  const { man } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as { man: string[] };
  assert.deepEqual(man.toSorted(), pages.map((page) => `dist/man/${page}`).toSorted());
});
