/** The short form of the adversaries; the full form: `npm run crash -- --only adversaries`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adversaries } from './adversaries.js';

const SEED = process.env.SEED ?? String(Date.now());
const SCALE = 0.02;

for (const [name, adversary] of Object.entries(adversaries)) {
  test(`${name}: nothing is lost, nobody is disturbed`, { timeout: 300_000 }, async (t) => {
    t.diagnostic(`SEED=${SEED}`);
    const { violations, counts, untested } = await adversary({ seed: SEED, scale: SCALE });
    if (untested !== undefined) return t.skip(untested);
    t.diagnostic(JSON.stringify(counts));
    assert.deepEqual(violations, []);
  });
}
