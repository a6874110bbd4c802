/** The worked examples do what docs/processing.md says of them; what is wrong in a chain is a sentence. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writesForReaders } from '../../src/base/config/values/process.js';
import { processFrom } from '../../src/base/config/values/read-process.js';
import { PACKAGE } from '../world/program.js';
import { temporary } from './temporary.js';

const EXAMPLES = join(PACKAGE, 'ops/examples');

function tried(chain: string, file = 'orders.csv'): { status: number | null; stdout: string; stderr: string } {
  const program = join(PACKAGE, 'dist/program/ingest-ctl.cjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'process', file, '--process', chain], {
    cwd: EXAMPLES,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const SHOWN: Record<string, RegExp[]> = {
  'reject-bad-rows.yaml': [
    /4 records of 4 columns, 1 rejected \(the first: .+, line 4: amount is not a number: n\/a\), 2 outputs/,
    /^good\.csv: 3 records$/m,
    /^reject\.csv: 1 record\n.*\n {2}3,DE,carla@example\.org,n\/a$/m,
  ],
  'split-by-country.yaml': [/0 rejected, 3 outputs/, /^DE\.csv: 2 records$/m, /^ {2}4,IT,"dora ""dodo"" d\.",3\.20$/m],
  'redact-email.yaml': [/1 rejected \(.+\), 3 outputs/, /^ {2}1,DE,\*\*\*,12\.50$/m, /^ {2}orders\.csv,IT,3\.20$/m],
};
for (const [chain, expected] of Object.entries(SHOWN)) {
  test(`ingest-ctl process with ${chain}`, () => {
    const { status, stdout, stderr } = tried(chain);
    assert.equal(stderr, '');
    assert.equal(status, 0);
    for (const one of expected) assert.match(stdout, one);
  });
}

test('a module gets the name of the file, however its path is written', () => {
  const { status, stdout } = tried('redact-email.yaml', join(EXAMPLES, 'orders.csv'));
  assert.equal(status, 0);
  assert.match(stdout, /^ {2}orders\.csv,IT,3\.20$/m);
});

test('a file that would be held is shown with its sentence, and ends with code 4', (t) => {
  const chain = join(temporary(t), 'chain.yaml');
  writeFileSync(chain, 'format: csv\nstart: check\nsteps: { check: { columns: { amount: number }, next: good } }\n');
  const { status, stdout } = tried(chain);
  assert.equal(status, 4);
  assert.match(
    stdout,
    /^held: record_invalid: orders\.csv, line 4: amount is not a number: n\/a; the record begins "3,DE/,
  );
});

test('an output that is named as a property of every object is for readers too', (t) => {
  const path = join(temporary(t), 'chain.yaml');
  writeFileSync(path, 'format: csv\nstart: check\nsteps: { check: { next: constructor } }\n');
  assert.equal(writesForReaders(processFrom('--process', path)), true);
});

const WRONG: Record<string, RegExp> = {
  'format: cvs\nstart: a\n': /^format in \S+ must be one of csv, jsonl, lines, but is "cvs"/,
  'format: csv\nstart: chek\nsteps: { check: {} }\n':
    /^start in \S+ must be a step, but "chek" is none; did you mean check\?/,
  'format: csv\nstart: constructor\nsteps: { check: {} }\n': /^start in \S+ must be a step, but "constructor" is none/,
  'format: csv\nsteps: { check: {} }\n': /^start in \S+ must be the name of the first step, but is nothing/,
  'format: csv\nstart: check\nsteps: { check: { nxt: a } }\n':
    /^"steps\.check\.nxt" in \S+ is not a known key; did you mean next\?/,
  'format: csv\nstart: a\nsteps: { a: { use: chck } }\n':
    /^steps\.a\.use in \S+ must be one of check, split, but is "chck"/,
  'format: csv\nstart: a\nsteps: { a: { use: check, next: b }, b: { use: check, else: a } }\n':
    /must not go in a circle, but a → b → a does/,
  'format: csv\nstart: check\nsteps: { check: { columns: { a: nmber } } }\n':
    /^steps\.check\.columns\.a in \S+ must be one of text, number/,
  'format: csv\nstart: check\nsteps: { check: { columns: { a: { pattern: "(" } } } }\n':
    /columns\.a\.pattern in \S+ must be a regular expression/,
  'format: csv\nstart: check\nsteps: { check: {} }\nreject: { max: many }\n':
    /^reject\.max in \S+ must be a number of records or a share like 1%/,
  'format: csv\nstart: check\nsteps: { check: {} }\nmodule: ./gone.mjs\n':
    /^module in \S+ must be a module that can be read, .*ENOENT/,
  "format: csv\nstart: check\nsteps: { check: {} }\ndelimiter: '\"'\nquote: ''\n":
    /^delimiter in \S+ must be one ASCII character, but not ", but is "\\""/,
  'format: lines\nstart: split\nsteps: { split: { by: a } }\n': /because lines have no columns/,
  'format: csv\nstart: check\nsteps: { check: { next: "../x" } }\n': /^steps\.check\.next in \S+ must be a tag/,
  'format: csv\nstart: check\nsteps: { check: {} }\noutputs-max: 1001\n':
    /^outputs-max in \S+ must be a whole number from 1 to 1000/,
  'format: csv\nstart: check\nsteps: { check: {} }\nmemory-bytes: 128MiB\n':
    /^memory-bytes in \S+ must be a size from 268435456 to \d+ bytes, such as 500MB or 10GiB; a bare number is bytes, but is "128MiB"/,
};
for (const [text, expected] of Object.entries(WRONG)) {
  test(`a chain that is wrong: ${expected.source}`, (t) => {
    const path = join(temporary(t), 'chain.yaml');
    writeFileSync(path, text);
    assert.throws(
      () => processFrom('--process', path),
      (error: Error) => expected.test(error.message) || assert.fail(error.message),
    );
  });
}
