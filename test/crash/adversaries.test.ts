/** The short form of the adversaries. By hand, and the full form: adversaries-run.ts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ADVERSARIES, shown } from './adversaries.js';
import type { Adversary } from './adversary.js';

const SEED = process.env.SEED ?? String(Date.now() % 1_000_000);
const [racing, ...others] = ADVERSARIES as [Adversary, ...Adversary[]];

const told = ({ name, run }: Adversary): Promise<void> =>
  test(`adversaries: ${name}`, { timeout: 300_000 }, async (t) => {
    t.diagnostic(`SEED=${SEED}`);
    const report = await run({ seed: SEED, full: false });
    for (const line of shown(name, report)) t.diagnostic(line);
    assert.deepEqual(report.violations, []);
  });

// By itself: it compares the slowest open of its writers.
told(racing);
// They wait most of the time.
describe('adversaries beside each other', { concurrency: 2 }, () => others.forEach((one) => void told(one)));
