/** The judge's table: every possible combination of evidence has one rule, and every rule is reached. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BACKS, type Case, JOBS, LINES, PATHS, ROWS, SEALED } from '../../../src/ingest/evidence/case.js';
import { judge, ruleFor, TABLE } from '../../../src/ingest/evidence/table.js';

function* everyCase(): Generator<Case> {
  for (const row of ROWS)
    for (const job of JOBS)
      for (const line of LINES)
        for (const back of BACKS)
          for (const path of PATHS) for (const sealed of SEALED) yield { row, job, line, back, path, sealed };
}

test('every rule is reached, and every case has one', () => {
  const reached = new Set<string>();
  for (const of of everyCase()) {
    assert(ruleFor(of), JSON.stringify(of));
    reached.add(ruleFor(of).name);
  }
  assert.deepEqual(
    TABLE.map(({ name }) => name).filter((name) => !reached.has(name)),
    [],
    'rules that another one before them hides',
  );
});

test('a file leaves the warehouse only where its bytes said whose it is, and its line was taken back by an operator', () => {
  for (const of of everyCase()) {
    if (!judge(of).acts.includes('take_out')) continue;
    assert.equal(of.path, 'mine');
    assert.equal(of.back, 'taken_out');
  }
});

test('a row goes only where no line stands', () => {
  for (const of of everyCase()) {
    if (!judge(of).acts.includes('free_row')) continue;
    assert.deepEqual([of.back, of.line], ['no', 'none'], JSON.stringify(of));
    assert.ok(['carried', 'planned'].includes(of.row), JSON.stringify(of));
  }
});

test('a command that did not look concludes nothing from it', () => {
  for (const of of everyCase()) {
    if (of.line !== 'not_looked' || of.back !== 'no') continue;
    const { faults, acts } = judge(of);
    assert.deepEqual([faults, acts], [[], []], JSON.stringify(of));
  }
});
