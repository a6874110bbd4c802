/** A start in roots that the state knows. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { workDirOf } from '../../world/layout.js';
import { createWorld } from '../../world/world.js';

test('a temporary marker of a process that died after all others had looked goes at the next start', async (t) => {
  const world = createWorld(t);
  world.drop('a.csv', 100);
  await world.runOnce();
  const { warehouse, manifests } = world.feed();
  const roots = [warehouse, manifests, workDirOf(world.feed())];
  for (const root of roots) writeFileSync(join(root, `.ingest-root.${randomUUID()}`), '');
  world.drop('b.csv', 100);
  await world.runOnce();
  for (const root of roots)
    assert.deepEqual(
      readdirSync(root).filter((name) => name.startsWith('.ingest-root')),
      ['.ingest-root'],
      root,
    );
});
