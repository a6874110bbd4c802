/** The short form of the adversaries. By hand, and the full form: adversaries-run.ts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ADVERSARIES, shown } from './adversaries.js';
import type { Adversary } from './adversary.js';

const SEED = process.env.SEED ?? String(Date.now() % 1_000_000);

const told = ({ name, run }: Adversary): Promise<void> =>
  test(`adversaries: ${name}`, async (t) => {
    t.diagnostic(`SEED=${SEED}`);
    const report = await run({ seed: SEED, full: false });
    for (const line of shown(name, report)) t.diagnostic(line);
    assert.deepEqual(report.violations, []);
  });

// They mostly wait, so they run together. Only the full form judges how long an open may take.
describe('adversaries beside each other', { concurrency: 3 }, () => ADVERSARIES.forEach((one) => void told(one)));
