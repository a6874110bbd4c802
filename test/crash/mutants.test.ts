/** The short form of the mutants: each still fits its module, and those that take seconds are caught. By hand: mutants-run.ts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { transformSync } from 'esbuild';
import { PACKAGE } from '../world/program.js';
import { judge, unchanged } from './mutants.js';
import { mutants, mutated } from './mutants-table.js';

const SEED = process.env.SEED ?? String(Date.now());

test(`${mutants.length} mutants fit the modules that they change`, () => {
  assert.ok(mutants.length >= 23);
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length);
  for (const { name, edits } of mutants) {
    for (const [module, all] of Object.entries(edits)) {
      const source = readFileSync(join(PACKAGE, 'dist', module), 'utf8');
      const edited = mutated(source, all);
      assert.notEqual(edited, source, name);
      assert.doesNotThrow(() => transformSync(edited), `${name} is no module any more`);
    }
  }
});

/** Mutants that are caught within seconds, with runs that pass on the unchanged build. */
const QUICK = [
  ...['overwrite_on_collision', 'drop_missing_sealed', 'sealed_before_sync', 'unlink_before_commit'],
  ...['append_without_intent', 'data_before_sidecar', 'original_first', 'outputs_not_synced_before_file'],
  ...['withdraw_before_correction', 'prune_without_hash', 'restore_unchecked'],
];

for (const name of QUICK) {
  const mutant = mutants.find((one) => one.name === name)!;
  test(`the mutant ${name} is caught, and the build as it is passes`, async (t) => {
    const sound = await unchanged(mutant.run, SEED);
    if (sound.untested !== undefined) return t.skip(sound.untested);
    assert.deepEqual(sound.found, []);
    const judged = await judge(mutant, SEED);
    t.diagnostic(`${judged.run}: ${judged.harm.join(', ')} after ${judged.rounds}`);
    assert.notDeepEqual(judged.harm, []);
  });
}
