/** The catalogue, its document and the codes in the source are one list. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CATALOGUE } from '../../src/base/errors.js';

const ROOT = new URL('../../../', import.meta.url).pathname;

function sources(): string {
  return ['src', 'queue', 'bin']
    .flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path !== join(ROOT, 'src/base/errors.ts'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
}

test('docs/errors.md lists every code of the catalogue with its exit code and what to do, and no other', () => {
  const rows = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').matchAll(
    /^\| `(\w+)` +\| +(\S+) +\| +(yes|no) +\| +(.+?) +\|$/gm,
  );
  const listed = Object.fromEntries(
    [...rows].map(([, code, exit, retryable, hint]) => [
      code,
      { exit: exit === '–' ? null : Number(exit), retryable: retryable === 'yes', hint },
    ]),
  );
  assert.deepEqual(listed, CATALOGUE);
});

test('every code that the source gives to an error or a hold is in the catalogue', () => {
  const given = sources().matchAll(
    /\b(?:OperatorError|EnvironmentError|QueueError|StateUnwritable|hold)\(\s*'([a-z_]+)'/g,
  );
  const unknown = [...new Set([...given].map(([, code]) => code!))].filter((code) => !Object.hasOwn(CATALOGUE, code));
  assert.deepEqual(unknown, []);
});

test('every code of the catalogue is given somewhere in the source', () => {
  const source = sources();
  const unused = Object.keys(CATALOGUE).filter((code) => !source.includes(`'${code}'`));
  assert.deepEqual(unused, []);
});

test('a hint is a sentence that says what to do', () => {
  for (const [code, { hint }] of Object.entries(CATALOGUE)) assert.match(hint, /^[A-Z].*\.$/, code);
});
