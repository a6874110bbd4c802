/** `ingest-ctl rebuild` after a warehouse was replaced by an empty one: what it says of the files that stay away is true. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { ctl } from '../../world/jobs.js';
import { workDirOf } from '../../world/layout.js';
import { backedUp, loseState, rebuilt, restore } from '../../world/lost.js';
import { createWorld } from '../../world/world.js';

const AT_ONCE = { stabilitySeconds: 0, quietMs: 0 };

test('a warehouse that was replaced since the backup: no word that its files are on disk; what was discarded is explained', async (t) => {
  const world = createWorld(t, { options: { ...AT_ONCE, maxBytes: 1_000 } });
  for (const name of ['a.csv', 'b.csv', 'c.csv']) world.drop(name, 100);
  world.held.add(world.drop('large.csv', 2_000).sha256);
  await world.runOnce([], { code: 4 });
  const older = backedUp(world);
  await ctl(world, 'discard', '--all');
  await world.runOnce();
  const { path } = world.failed()[0]!;
  const { warehouse } = world.feed();
  renameSync(warehouse, `${warehouse} of before`);
  mkdirSync(warehouse);
  await ctl(world, 'replace-warehouse', warehouse);
  restore(world, older);
  const { stdout } = await rebuilt(world);
  assert.match(stdout, /^ {2}3 stored as the older state has it, but not in the warehouse \(any more\): /m);
  assert.match(
    stdout,
    /^ {2}where 3 files are that have a line and are not in the warehouse: `ingest-ctl audit --input /m,
  );
  assert.match(stdout, /replaced since, and is still empty: run ingest-ctl replace-warehouse again\)/);
  const missing = await world.run('ingest-ctl', ['audit']);
  assert.equal(missing.stdout.match(/file_missing/g)?.length, 3, missing.stdout);
  await ctl(world, 'replace-warehouse', warehouse);
  const audited = await world.run('ingest-ctl', ['audit']);
  assert.equal(audited.code, 0, audited.stdout);

  loseState(world);
  await rebuilt(world);
  const failed = join(workDirOf(world.feed()), 'failed', basename(path));
  const told = await world.run('ingest-ctl', ['explain', failed]);
  assert.equal(told.code, 0, told.stdout);
  assert.match(told.stdout, /It was given up: .+\n {2}The state has no history of it: /);
});
