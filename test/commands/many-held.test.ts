/** More files are held than a small process could have in memory. */
import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { alter } from '../world/state-by-hand.js';
import { createWorld } from '../world/world.js';

const MANY = `INSERT INTO jobs (id, feed, key, identity, stage, state, due_ms, bytes, payload, hold_code, reason, created_ms, updated_ms, trail)
  WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)
  SELECT printf('%s%05d', substr(id, 1, 21), n), feed, CAST(n || '.csv' AS BLOB), identity, stage, state, due_ms, bytes, payload,
    hold_code, printf('%.*c', 8000, 'x'), created_ms, updated_ms, trail FROM jobs, n`;

test('retry --all and held --all need no memory for each file', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  const huge = join(world.feed().input, 'huge.csv');
  writeFileSync(huge, '');
  truncateSync(huge, 2 ** 41);
  await world.run('ingest', ['--once']);
  alter(world, MANY, 20_000);
  const small = { env: { NODE_OPTIONS: '--max-old-space-size=80' } };
  const listed = await world.run('ingest-ctl', ['held', '--all'], small);
  assert.match(listed.stdout, /^20001 held$/m, listed.stderr);
  const { stdout, stderr } = await world.run('ingest-ctl', ['retry', '--all'], small);
  assert.match(stdout, /^20001 files /, stderr);
});
