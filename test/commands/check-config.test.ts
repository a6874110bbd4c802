/** ingest-ctl check-config: what a start would refuse is refused, and what it would change is said. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createWorld } from '../world/world.js';

test('feeds that are new, changed or gone are named; nothing is changed', async (t) => {
  const world = createWorld(t, { feeds: { orders: {}, old: {} } });
  await world.runOnce();
  const check = () =>
    world.launch('ingest-ctl', ['check-config', world.configPath, '--state-path', world.statePath]).ended;
  const same = await check();
  assert.equal(same.code, 0, same.stderr);
  assert.equal(
    same.stdout,
    `${world.configPath} is in order: 2 feeds. A restart of the service takes it over; what it changes beside the feeds is not compared.\n`,
  );

  const folders = ['input', 'warehouse', 'manifests'].map((name) => [name, join(world.root, `new-${name}`)] as const);
  for (const [, path] of folders) mkdirSync(path);
  const text = readFileSync(world.configPath, 'utf8');
  const config = JSON.parse(text) as { feeds: Record<string, object> };
  const { orders } = config.feeds;
  config.feeds = {
    orders: { ...orders, 'max-bytes': 77, 'keep-duplicates': '90d' },
    fresh: Object.fromEntries(folders),
  };
  writeFileSync(world.configPath, JSON.stringify(config));
  const { code, stdout } = await check();
  assert.equal(code, 0, stdout);
  const [changed, fresh, old, last] = stdout.split('\n');
  assert.match(changed!, /^orders changes: max-bytes, keep-duplicates$/);
  assert.equal(fresh, 'fresh is a new feed');
  assert.match(old!, /^old is not in the file: .+; `.*ingest-ctl retire old --config .+` gives it up$/);
  assert.match(last!, /is in order: 2 feeds/);
  assert.equal((await world.run('queue-stat', ['--json'])).stdout.includes('"fresh"'), false);
  const byOption = await world.launch('ingest-ctl', [
    'check-config',
    '--config',
    world.configPath,
    '--state-path',
    world.statePath,
  ]).ended;
  assert.deepEqual([byOption.code, byOption.stdout.includes('orders changes')], [code, true], byOption.stderr);
});

test('a feed whose lines are all comments is a feed without its options, and not left out', async (t) => {
  const world = createWorld(t, { feeds: { orders: {} } });
  const config = JSON.parse(readFileSync(world.configPath, 'utf8')) as { feeds: Record<string, object | null> };
  config.feeds.clicks = null;
  writeFileSync(world.configPath, JSON.stringify(config));
  const { code, stderr } = await world.launch('ingest-ctl', ['check-config', world.configPath]).ended;
  assert.equal(code, 2, stderr);
  assert.match(stderr, /clicks/);
});

test('a wrong option, a missing folder and folders of another state are refused as a start refuses them', async (t) => {
  const world = createWorld(t, { feeds: { orders: {} } });
  world.drop('a.csv', 10);
  await world.runOnce();
  const config = JSON.parse(readFileSync(world.configPath, 'utf8')) as { feeds: { orders: Record<string, unknown> } };
  const moved = join(world.root, 'another-warehouse');
  mkdirSync(moved);
  for (const [change, exit, sentence] of [
    [{ 'stability-seconds': -1 }, 2, /feeds\.orders\.stability-seconds in .+ must be/],
    [{ input: '/nowhere/at/all' }, 3, /\/nowhere\/at\/all/],
    [{ warehouse: moved }, 3, /another-warehouse/],
  ] as const) {
    const orders = { ...config.feeds.orders, ...change };
    writeFileSync(world.configPath, JSON.stringify({ ...config, feeds: { orders } }));
    const { code, stderr } = await world.launch('ingest-ctl', [
      'check-config',
      world.configPath,
      '--state-path',
      world.statePath,
    ]).ended;
    assert.equal(code, exit, stderr);
    assert.match(stderr, sentence);
  }
});
