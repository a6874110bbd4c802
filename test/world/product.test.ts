/**
 * The world with the real product in it, which other end-to-end tests are based on.
 */
import assert from 'node:assert/strict';
import { rmSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createWorld } from './world.js';

test('a real run leaves nothing for the oracle to find, and a reader sees the manifest grow only', async (t) => {
  const world = createWorld(t);
  const tail = await world.manifestTail();
  for (let n = 0; n < 200; n++) world.drop(`${n}.csv`, 100 + n, { how: n % 2 ? 'rename' : 'old' });
  const twin = world.content(500);
  for (const name of ['twin-a.csv', 'twin-b.csv', 'twin-c.csv']) world.drop(name, twin);
  world.drop(Buffer.from([0x2d, 0xff, 0x20, 0x0a, 0x2e, 0x63]), 100);
  const ended = await world.runOnce();
  world.check();
  assert.equal(world.manifest().length, 202);
  assert.equal(world.duplicates().length, 2);
  assert.equal(ended.events.filter((e) => e.event === 'file_ingested').length, 202);
  const { broken, bytes } = await tail.stop();
  assert.deepEqual(broken, []);
  assert(bytes > 202 * 200);
});

test('differences planted after a real run are found, in files and in rows', async (t) => {
  const world = createWorld(t);
  for (let n = 0; n < 5; n++) world.drop(`${n}.csv`, 100);
  await world.runOnce();
  const [first] = world.warehouse();
  unlinkSync(join(world.feed().warehouse, first!.path));
  assert.deepEqual(
    world.differences().map((d) => d.kind),
    ['line_without_file'],
  );
  const [line] = world.manifest();
  rmSync(join(world.feed().manifests, line!.file));
  assert.deepEqual(
    new Set(world.differences().map((d) => d.kind)),
    new Set(['lost', 'file_without_line', 'row_differs']),
  );
});

test('many feeds in one state are judged each by itself', async (t) => {
  const feeds = { plain: {}, signed: { options: { mode: 'sidecar' } } };
  const world = createWorld(t, { feeds });
  world.drop('same.csv', 'the same content in both', { feed: 'plain' });
  world.drop('same.csv', 'the same content in both', { feed: 'signed' });
  world.sidecar('same.csv', '', { feed: 'signed' });
  await world.runOnce();
  world.check();
  for (const feed of Object.keys(feeds)) assert.equal(world.manifest(feed).length, 1);
});
