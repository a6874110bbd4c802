/** docs/guarantees.md has the figures of the last report of the crash harness, and names tests and mutants that exist. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { changesSince, digestOf } from '../crash/build.js';
import { mutants } from '../crash/mutants-table.js';
import { buildsIn, withFigures } from '../crash/report-guarantees.js';
import { PACKAGE } from '../world/program.js';

const read = (path: string): string => readFileSync(join(PACKAGE, path), 'utf8');

/** The cells of each row of the first table below a heading. */
function rowsBelow(text: string, heading: string): string[][] {
  const lines = text.slice(text.indexOf(`\n${heading}`)).split('\n');
  const first = lines.findIndex((line) => line.startsWith('|'));
  const table = lines.slice(
    first,
    lines.findIndex((line, n) => n > first && !line.startsWith('|')),
  );
  return table.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const page = read('docs/guarantees.md');
const guarantees = rowsBelow(page, '## Promises').map(([promise, tests, , caught]) => ({
  promise: promise!,
  tests: namesIn(tests!),
  mutants: namesIn(caught!),
}));
const report = read('docs/crash-report.md');

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

test('each test that is named for a promise exists', () => {
  assert(guarantees.length >= 15, `${guarantees.length} promises`);
  for (const { promise, tests } of guarantees) {
    for (const name of tests.filter((one) => one.includes('/')))
      assert(
        all.some((path) => path.startsWith(name) || asPattern(name).test(path)),
        `${promise}: ${name}`,
      );
  }
});

const all = readdirSync(join(PACKAGE, 'test'), { recursive: true, encoding: 'utf8' });
const asPattern = (name: string): RegExp => new RegExp(`^${name.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);

test('the figures, and the build that is named for them, are those of the report', () => {
  assert.match(page, /^Measured on /m);
  assert.equal(withFigures(page, report), page, '`npm run crash` writes both');
  assert(/\*\*\d+ kills, .* 0 rounds with a violation\.\*\*/.test(report), 'the report has no violation');
});

test('the build that was measured is one of this history; its age is printed and fails nothing', (t) => {
  const builds = buildsIn(report);
  assert(builds.length > 0, 'the report names no build');
  for (const { digest, commit, date } of builds) {
    const since = commit === undefined ? undefined : changesSince(commit);
    assert.notEqual(since, 'unknown', `commit ${commit} of the report is not in this history: measure again`);
    const age = since === undefined ? 'there is no history to count changes in' : `${since} changes ago`;
    t.diagnostic(
      digest === digestOf(PACKAGE) ? `measured on this build, ${digest}` : `measured on ${digest}, ${date}: ${age}`,
    );
  }
});

test('every mutant is named for a promise, and was caught in the report', () => {
  const named = new Set(guarantees.flatMap((guarantee) => guarantee.mutants));
  assert.deepEqual([...named].sort(), mutants.map(({ name }) => name).sort());
  const rows = rowsBelow(report, '## Mutants');
  const caught = rows.filter(([, , , verdict]) => !verdict!.includes('not caught')).map(([name]) => name!);
  assert.deepEqual(
    [...named].filter((name) => !caught.includes(name)),
    [],
  );
});
