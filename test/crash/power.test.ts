/** The short form of the power cuts: one world of each layout, a fresh seed and a fixed one. By hand: power-run.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { powerCuts } from './power.js';
import { whyNoPowerCuts } from './power-disks.js';

const SEED = process.env.SEED ?? String(Date.now());

for (const [layout, seed] of [
  ['apart', SEED],
  ['joined', 'fixed'],
] as const) {
  test(`power cuts under load, ${layout}: what was synced or acknowledged is there, and all arrives`, async (t) => {
    const why = whyNoPowerCuts();
    if (why) return t.skip(why);
    t.diagnostic(`SEED=${seed}`);
    const { cuts, drops, acknowledged, violations } = await powerCuts({ seed, cuts: 3, layout });
    t.diagnostic(`${cuts} cuts, ${drops} files, ${acknowledged} logged as stored before a cut`);
    assert.deepEqual(violations, []);
    assert.equal(cuts, 3);
  });
}
