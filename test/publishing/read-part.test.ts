/** Parts that a state reads: what an older copy learns from them. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { backedUp, rebuilt, restore } from '../world/lost.js';
import { correctionsOf, objectsOf, publishedAndKept, publisher } from '../world/publisher.js';
import { rowsOf } from '../world/state-by-hand.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';

/** A copy of the state, the manifests and the warehouse. Returns what puts it back. */
function backedUpWhole(world: World): () => void {
  const state = backedUp(world);
  const roots = [world.feed().manifests, world.feed().warehouse];
  const copies = roots.map((root, n) => join(world.root, `copy-${n}`));
  for (const [n, root] of roots.entries()) cpSync(root, copies[n]!, { recursive: true, preserveTimestamps: true });
  return () => {
    restore(world, state);
    for (const [n, root] of roots.entries()) {
      for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
      cpSync(copies[n]!, root, { recursive: true, preserveTimestamps: true });
    }
  };
}

for (const [how, again] of Object.entries({ 'as it is': async () => {}, rebuilt }))
  test(`what was withdrawn after the backup leaves the warehouse of the backup, and is not published again: ${how}`, async (t) => {
    const made = await publisher(t, { options: { keepLocal: '1s' } });
    if (!made) return;
    const { world, bucket } = made;
    const { sha256 } = world.drop('a.csv', 'id\n1\n');
    world.withdrawn.add(sha256);
    await publishedAndKept(world);
    const putBack = backedUpWhole(world);
    assert.equal((await world.run('ingest-ctl', ['withdraw', sha256, '--reason', 'wrong month'])).code, 0);
    await world.runOnce();
    putBack();
    await again(world);
    world.drop('b.csv', 'id\n2\n');
    await publishedAndKept(world);
    await until('nothing waits for --keep-local', async () => {
      await world.runOnce();
      return world.warehouse().length === 0;
    });
    assert.deepEqual(
      world.ledger().map(({ state }) => state),
      ['withdrawn', 'stored'],
    );
    assert.deepEqual(
      (await objectsOf(bucket)).map((key) => key.slice(key.indexOf('~'))),
      ['~b.csv'],
    );
    assert.equal((await correctionsOf(bucket)).length, 1);
    const { by } = (await correctionsOf(bucket))[0]!;
    assert.deepEqual(rowsOf(world, 'SELECT kind, who, why FROM exceptions'), [
      { kind: 'withdraw', who: by, why: 'wrong month' },
    ]);
    const audit = await world.run('ingest-ctl', ['audit']);
    assert.equal(audit.code, 0, audit.stdout);
  });
