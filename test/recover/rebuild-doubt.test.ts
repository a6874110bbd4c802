/** `ingest-ctl rebuild` where what is there does not say enough: nothing is thrown away on a guess. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { loseState, rebuilt, stoppedBefore } from '../world/lost.js';
import { createWorld } from '../world/world.js';

const limit = { timeout: 240_000 };
/** What is sealed stays so: nothing is open behind it. */
const AT_ONCE = { stabilitySeconds: 0, settleMs: 0 };

test('a foreign file of equal size does not pass for the content: the sealed file stays', limit, async (t) => {
  const world = createWorld(t, { options: AT_ONCE });
  await stoppedBefore(world, 'move', () => world.drop('last.csv', 100), 1);
  const { warehouse_path } = world.manifest()[0]!.record!;
  mkdirSync(dirname(warehouse_path), { recursive: true });
  writeFileSync(warehouse_path, 'x'.repeat(100));
  loseState(world);
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /0 stored, .*\n.*1 with a line and still in underprocess/);
  await world.runOnce([], { code: 4 });
  assert.equal(world.jobs()[0]?.hold_code, 'target_taken');
  assert.deepEqual(
    world.underprocess().map(({ sha256 }) => sha256),
    world.dropped.map(({ sha256 }) => sha256),
  );
});
