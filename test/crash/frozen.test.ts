/** The short form of the frozen instants. By hand: frozen-run.ts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRoot } from '../world/users.js';
import { frozenInstants } from './frozen.js';

const SEED = process.env.SEED ?? String(Date.now());

test('frozen at random moments, each dropped content is whole where it belongs', async (t) => {
  t.diagnostic(`SEED=${SEED}`);
  const { moments, whileFull, underWay, drops, violations } = await frozenInstants({ seed: SEED, moments: 40 });
  t.diagnostic(
    `${moments} moments, ${underWay} with files under way, ${whileFull} with a twin and a full warehouse, ${drops} files`,
  );
  if (!isRoot) t.diagnostic('not run as root: a warehouse that is full was not tested');
  assert.deepEqual(violations, []);
  assert.equal(moments, 40);
  assert.ok(underWay > 0, 'something was under way');
});
