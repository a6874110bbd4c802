/** What the README says of guarantees is what the last report of the crash harness says, and names what exists. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mutants } from './crash/mutants-table.js';
import { PART_NAMES } from './crash/parts.js';
import { PACKAGE } from './world/program.js';

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

const guarantees = rowsBelow(read('README.md'), '## Guarantees').map(([promise, tests, faults, caught]) => ({
  ...{ promise: promise!, tests: namesIn(tests!), faults: faults!, mutants: namesIn(caught!) },
}));
const report = read('docs/crash-report.md');

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
}

test('each test that the README names for a promise exists', () => {
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

test('the faults that the README counts for a promise are those of the report, part by part', () => {
  const reached = new Map(
    rowsBelow(report, '| part').map(([part, , faults]) => [part!.replace(/:.*/, ''), Number(faults)]),
  );
  for (const { promise, faults } of guarantees) {
    if (faults === '') continue;
    const [, count, parts] = /^([\d,]+): (.*)$/.exec(faults) ?? [];
    assert(count && parts, `${promise}: "${faults}" is no count and no parts`);
    const of = parts.split(', ').map((part) => {
      assert((PART_NAMES as string[]).includes(part), `${promise}: ${part} is no part of the harness`);
      return reached.get(part) ?? 0;
    });
    assert.equal(
      Number(count.replaceAll(',', '')),
      of.reduce((all, n) => all + n, 0),
      promise,
    );
  }
  assert(/\*\*\d+ kills, .* 0 rounds with a violation\.\*\*/.test(report), 'the report has no violation');
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
