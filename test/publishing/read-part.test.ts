/** Parts that a state reads: what an older copy learns from them, and a part of its own that another of its processes has put. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { backedUp, loseState, rebuilt, restore } from '../world/lost.js';
import { correctionsOf, linesOf, objectsOf, proxied, publishedAndKept, publisher } from '../world/publisher.js';
import { rowsOf } from '../world/state-by-hand.js';
import { until } from '../world/waiting.js';
import type { World } from '../world/world.js';

const PART = /_manifests\//;

/** A copy of the state, the manifests and the warehouse. Returns what puts it back. */
function backedUpWhole(world: World): () => void {
  const state = backedUp(world);
  const { manifests, warehouse } = world.feed();
  const roots = [manifests, warehouse].map((root, n) => ({ root, copy: join(world.root, `copy-${n}`) }));
  const how = { recursive: true, preserveTimestamps: true };
  for (const { root, copy } of roots) cpSync(root, copy, how);
  return () => {
    restore(world, state);
    for (const { root, copy } of roots) {
      for (const name of readdirSync(root)) rmSync(join(root, name), { recursive: true });
      cpSync(copy, root, how);
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

/** The file at the path of what was withdrawn is somebody else's, and stays there. */
async function discardedWithdrawal(world: World): Promise<void> {
  const { sha256 } = world.drop('a.csv', 'id\n1\n');
  await world.runOnce();
  world.withdrawn.add(sha256);
  writeFileSync(join(world.feed().warehouse, world.warehouse()[0]!.path), 'of somebody else');
  await world.run('ingest-ctl', ['withdraw', sha256, '--reason', 'a test']);
  await world.runOnce([], { code: 4 });
  await world.run('ingest-ctl', ['discard', '--all', '--code', 'withdrawn_file_differs']);
  await world.runOnce();
}

test('a part of its own that another process has put is no news: a discarded withdrawal does not begin again', async (t) => {
  const made = await proxied(t);
  if (!made) return;
  const { world, bucket, proxy } = made;
  await discardedWithdrawal(world);
  for (const [n, when] of ['before', 'after'].entries()) {
    world.drop(`${when}.csv`, `id\n${when}\n`);
    // Its seal passes.
    const put = proxy.add({ kind: 'put', key: PART, after: 1 }, 'hold-answer');
    const first = world.start('ingest', ['--once', '--workers', 'all=1']);
    await put.hit();
    const read = proxy.add({ kind: 'get', key: PART }, 'hold-answer');
    const second = world.start('ingest-worker');
    await read.hit();
    const next = () => (rowsOf(world, 'SELECT next FROM buckets') as { next: number }[])[0]!.next;
    const before = next();
    if (when === 'after') await put.release();
    if (when === 'after') await until('the first one has recorded it', () => next() > before);
    await read.release();
    await until('the second one has put its seal', () => next() > before + 1);
    await put.release();
    assert.equal((await first.ended).code, 0);
    await second.stop();
    assert.equal((await linesOf(bucket)).length, n + 2);
    assert.deepEqual(rowsOf(world, 'SELECT 1 FROM buckets WHERE cursor IS NOT NULL'), [], when);
    assert.deepEqual(world.log.named('bucket_read'), [], when);
    assert.deepEqual(
      world.jobs().filter(({ state }) => state !== 'done'),
      [],
      when,
    );
  }
});

test('a withdrawal that was discarded does not come back held, when all contents are looked through', async (t) => {
  const made = await publisher(t);
  if (!made) return;
  const { world, bucket } = made;
  await discardedWithdrawal(world);
  const without = world.flags('ingest').filter((flag) => !flag.startsWith('--publish'));
  assert.equal((await world.launch('ingest', [...without, '--once']).ended).code, 0);
  await world.runOnce();
  loseState(world);
  await rebuilt(world);
  world.drop('b.csv', 'id\n2\n');
  await world.runOnce();
  assert.equal((await objectsOf(bucket)).length, 1);
  assert.equal(world.warehouse().length, 2);
});
