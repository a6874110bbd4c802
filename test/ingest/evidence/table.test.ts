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
          for (const owed of [false, true])
            for (const path of PATHS) for (const sealed of SEALED) yield { row, job, line, back, owed, path, sealed };
}

test('every rule is reached, and a case that no rule fits is impossible', (t) => {
  const reached = new Map<string, number>();
  const unjudged = new Map<string, number>();
  let all = 0;
  for (const of of everyCase()) {
    all++;
    const { name } = ruleFor(of);
    reached.set(name, (reached.get(name) ?? 0) + 1);
    if (name !== 'not judged') continue;
    const shape = `row ${of.row}, line ${of.line}`;
    unjudged.set(shape, (unjudged.get(shape) ?? 0) + 1);
  }
  assert.deepEqual(
    TABLE.map(({ name }) => name).filter((name) => !reached.has(name)),
    [],
    'rules that another one before them hides',
  );
  t.diagnostic(`${all} combinations, ${reached.get('not judged')} of them without a rule:`);
  for (const [shape, n] of unjudged) t.diagnostic(`  ${n} with ${shape}`);
  // Only a planned content has an open append: every other row with an intent contradicts itself.
  for (const shape of unjudged.keys()) assert.match(shape, /line intent$/);
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
    assert.ok(of.back === 'given_up' || of.line === 'none', JSON.stringify(of));
    assert.ok(['carried', 'planned', 'manifested'].includes(of.row), JSON.stringify(of));
  }
});

test('a command that did not look concludes nothing from it', () => {
  for (const of of everyCase()) {
    if (of.line !== 'not_looked' || of.back !== 'no') continue;
    const { faults, acts } = judge(of);
    assert.deepEqual([faults, acts.filter((act) => act !== 'read_path')], [[], []], JSON.stringify(of));
  }
});

test('a correction that is owed is written before anything else', () => {
  for (const of of everyCase()) {
    if (!of.owed || of.back === 'no' || of.path === 'unread') continue;
    const { acts, faults } = judge(of);
    if (faults.length === 0) assert.equal(acts[0], 'write_correction', JSON.stringify(of));
  }
});
