/** Each figure names the build that it was measured on, and a page with figures of an older one says so. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { changesSince, digestOf } from '../crash/build.js';
import { PACKAGE } from '../world/program.js';

interface Result {
  case: string;
  files: number;
  machine: { commit: string; digest?: string };
}

const RESULTS = join(PACKAGE, 'bench/results');
const results = readdirSync(RESULTS).map((name) => JSON.parse(readFileSync(join(RESULTS, name), 'utf8')) as Result);
const textOf = (path: string): string => readFileSync(join(PACKAGE, path), 'utf8');
/** README says this of its figures until all cases that it quotes are measured on this build. */
const OLDER = /older\s+builds/;
const QUOTED = ['a', 'b', 'g'];

test('each case names the commit that it was measured on; how old it is is printed', (t) => {
  const page = textOf('docs/benchmarks.md');
  const isOfNow = digestOf(PACKAGE);
  for (const { case: letter, files, machine } of results) {
    assert.ok(page.includes(`commit ${machine.commit}`), `docs/benchmarks.md: case ${letter}, ${files}`);
    const since = changesSince(machine.commit);
    assert.notEqual(since, 'unknown', `case ${letter}: commit ${machine.commit} is not in this history: measure again`);
    t.diagnostic(
      `${letter}, ${files}: ${machine.digest === isOfNow ? 'this build' : `${since ?? 'unknown'} changes ago`}`,
    );
  }
});

test('README says that its figures are of older builds, as long as they are', () => {
  const digest = digestOf(PACKAGE);
  const older = results.filter(({ case: letter, machine }) => QUOTED.includes(letter) && machine.digest !== digest);
  assert.equal(
    OLDER.test(textOf('README.md')),
    older.length > 0,
    older.length > 0
      ? `the cases ${older.map((one) => one.case).join(', ')} are not of build ${digest}: say so in "What it costs", or measure again`
      : `the figures are of this build, ${digest}: README may say so`,
  );
});

test('each commit that a page names for its figures is one of this history', () => {
  for (const page of ['docs/retention.md', 'docs/processing.md']) {
    const named = [...textOf(page).matchAll(/\bcommit\s+`?([0-9a-f]{7,12})\b/g)];
    assert.ok(named.length > 0, `${page} names no commit`);
    for (const [, commit] of named) assert.notEqual(changesSince(commit!), 'unknown', `${page}: ${commit}`);
  }
});
