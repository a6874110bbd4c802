/** A start checks the manifests of all hours. */
import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { FeedOptions } from '../../../src/base/config/options.js';
import { openStateView } from '../../../src/ingest/ledger/open-state.js';
import { checkManifestsKnown } from '../../../src/ingest/upkeep/check-manifests.js';
import { editDatabase } from '../../world/database.js';
import { createWorld } from '../../world/world.js';

const HOURS = 4_000;

test('the event loop runs on while the manifests of years are checked', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0, quietMs: 0 } });
  world.drop('a.csv', 10);
  await world.runOnce();
  const { name, manifests } = world.feed();
  editDatabase(world.statePath, (db) => {
    const enter = db.prepare('INSERT INTO manifest_ends (file, feed, inode, end_at) VALUES (?, ?, ?, 1)');
    db.transaction(() => {
      for (let n = 0; n < HOURS; n++) {
        const folder = join(manifests, new Date(n * 3_600_000).toISOString().slice(0, 13).replaceAll(/[-T]/g, '/'));
        mkdirSync(folder, { recursive: true });
        const file = join(folder, 'manifest.jsonl');
        writeFileSync(file, '\n');
        enter.run(file, name, statSync(file).ino);
      }
    })();
  });
  const view = await openStateView(world.statePath);
  t.after(() => view.close());
  let turns = 0;
  const counting = setInterval(() => turns++, 1);
  t.after(() => clearInterval(counting));
  await checkManifestsKnown(view, view.feeds()[0]!.options as unknown as FeedOptions);
  assert.ok(turns > 1, `${turns} turns for ${HOURS} hours`);
});
