/**
 * A mirror that is driven by events alone is the tree at every quiet point (mirror/driver.ts), through full queues, slow
 * consumers, stops and restarts. OPERATIONS=1000000 by hand; SEED repeats what a run printed.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { mirror } from './mirror/driver.js';

const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const OPERATIONS = Number(process.env.OPERATIONS ?? 10_000);
const PER_ROUND = Math.max(250, Math.min(1_000, OPERATIONS / 1_000));

test(`a mirror of ${OPERATIONS} random operations is the tree at every quiet point`, async (t) => {
  t.diagnostic(`SEED=${SEED}`);
  const result = await mirror({
    adapter: join(import.meta.dirname, 'mirror/product.js'),
    ...{ operations: OPERATIONS, seed: SEED, perRound: PER_ROUND, odd: true, restarts: true, pauses: true },
    onQuiet({ round, operations, differences }) {
      const { missing, extra, stale, examples } = differences;
      assert.deepEqual(
        { missing, extra, stale },
        { missing: 0, extra: 0, stale: 0 },
        `SEED=${SEED}, ${round}, ${operations} operations: ${examples.join('; ')}`,
      );
    },
  });
  const { quietPoints, entries, events, flooded, starved, starts, overflows, scans, troubles, seconds } = result;
  t.diagnostic(JSON.stringify({ quietPoints, entries, events, flooded, starved, starts, overflows, scans, seconds }));
  assert.deepEqual(troubles, []);
  assert(result.operations >= OPERATIONS && quietPoints >= OPERATIONS / PER_ROUND / 2);
  const lost = Object.values(overflows).reduce((sum, count) => sum + count, 0);
  assert((overflows.kernel ?? 0) >= flooded && flooded > 0, 'every full queue of the kernel is told');
  assert((overflows.buffer ?? 0) >= starved && starved > 0, 'every consumer that takes nothing is told what it lost');
  const { start, ...later } = scans;
  assert.equal(start, starts);
  const scanned = Object.values(later).reduce((sum, count) => sum + count, 0);
  assert(scanned <= lost, `${scanned} scans after ${lost} overflows: a scan follows an overflow alone`);
});
