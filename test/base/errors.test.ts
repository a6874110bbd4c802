/** The catalogue, its document and the codes in the source are one list. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CATALOGUE } from '../../src/base/errors.js';
import { groupOf, remedyOf } from '../../src/base/remedy.js';

/** Codes of gates that are no errors: they stand in the table of places. */
const GATES_ALONE = new Set(['stuck', 'no_marker']);

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
  const sections = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8').split(/^## /m).slice(1);
  const listed = Object.fromEntries(
    sections.flatMap((section) => {
      const [, exit] = /^Exit code (\d)\./m.exec(section) ?? [];
      return [...section.matchAll(/^\| `([a-z][a-z0-9_]*)` \| (.+?)( \*May pass by itself\.\*)? \|$/gm)]
        .filter(([, code]) => !GATES_ALONE.has(code!))
        .map(([, code, hint, passes]) => [
          code,
          { exit: exit === undefined ? null : Number(exit), retryable: passes !== undefined, hint },
        ]);
    }),
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

test('no hint says that a command acts on one file: it may name a group', () => {
  for (const code of Object.keys(CATALOGUE)) assert.doesNotMatch(remedyOf(code), /this one/, code);
  const group = groupOf('orders', 'checksum_mismatch');
  assert.match(remedyOf('checksum_mismatch', group), /discard what is held with `ingest-ctl discard --all --code/);
});
