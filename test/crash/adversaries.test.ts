/** The short form of the adversaries. By hand, and the full form: adversaries-run.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ADVERSARIES, shown } from './adversaries.js';

const SEED = process.env.SEED ?? String(Date.now() % 1_000_000);

for (const { name, run } of ADVERSARIES)
  test(`adversaries: ${name}`, { timeout: 300_000 }, async (t) => {
    t.diagnostic(`SEED=${SEED}`);
    const report = await run({ seed: SEED, full: false });
    for (const line of shown(name, report)) t.diagnostic(line);
    assert.deepEqual(report.violations, []);
  });
