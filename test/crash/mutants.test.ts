/** The short form of the mutants: each still fits its module, and one is caught. By hand: mutants-run.ts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE } from '../world/program.js';
import { judge } from './mutants.js';
import { mutants, mutated } from './mutants-table.js';

test(`${mutants.length} mutants fit the modules that they change`, () => {
  assert.ok(mutants.length >= 15);
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length);
  for (const { name, edits } of mutants) {
    for (const [module, all] of Object.entries(edits)) {
      const source = readFileSync(join(PACKAGE, 'dist', module), 'utf8');
      assert.notEqual(mutated(source, all), source, name);
    }
  }
});

for (const name of ['overwrite_on_collision', 'drop_missing_sealed']) {
  test(`the mutant ${name} is caught`, { timeout: 120_000 }, async (t) => {
    const judged = await judge(mutants.find((mutant) => mutant.name === name)!, process.env.SEED ?? String(Date.now()));
    t.diagnostic(`${judged.run}: ${judged.harm.join(', ')} after ${judged.rounds}`);
    assert.notDeepEqual(judged.harm, []);
  });
}
