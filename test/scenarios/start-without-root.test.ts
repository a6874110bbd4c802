/** A service that starts while a folder of one feed is missing, as after a boot without its disk: the other feeds go on. */
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import { test } from 'node:test';
import { workDirOf } from '../world/layout.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const FEED = { options: { stabilitySeconds: 0, quietMs: 0 } };

const findings = async (world: World): Promise<string> =>
  (await world.run('queue-stat', ['--all'])).stdout.replaceAll('\n', ' ');

for (const place of ['warehouse', 'manifests', 'input'] as const) {
  test(`the ${place} of one feed is missing at the start: it is named, and its files go on once it is back`, async (t) => {
    const world = createWorld(t, { feeds: { orders: FEED, prices: FEED } });
    world.drop('first.csv', 10, { feed: 'prices' });
    await world.runOnce();
    const path = world.feed('prices')[place];
    renameSync(path, `${path} away`);
    const once = await world.run('ingest', ['--once']);
    assert.equal(once.code, 3, 'a run that ends has nothing to wait for');
    assert.match(once.stderr, /must be an existing directory, but .* does not exist; mount it or put it back/);

    world.start('ingest');
    const other = world.drop('other.csv', 10, { feed: 'orders' });
    await world.isStored(other);
    const mine = place === 'input' ? undefined : world.drop('mine.csv', 10, { feed: 'prices' });
    const named =
      place === 'input' ? /input .* of prices .*missing|input.*ENOENT/ : /of prices (is|are) closed, ENOENT at the /;
    await until(`a finding about the ${place}`, async () => named.test(await findings(world)));
    renameSync(`${path} away`, path);
    await world.isStored(mine ?? world.drop('mine.csv', 10, { feed: 'prices' }));
    await world.stop();
  });
}

test('a run with nothing to do ends with the sentence that its work directory is away', async (t) => {
  const world = createWorld(t);
  world.drop('first.csv', 10);
  await world.runOnce();
  const work = workDirOf(world.feed());
  renameSync(work, `${work} away`);
  const { code, stderr } = await world.run('ingest', ['--once']);
  assert.equal(code, 3, stderr);
  assert.match(stderr, /feed default: the work .* is missing: mount it, or put it back; files may lie there/);
  assert.doesNotMatch(stderr, /"event":"bug"|restart_in_ms/);
  renameSync(`${work} away`, work);
  await world.runOnce();
});

test('a folder that the state does not know is refused, with the command that makes it', async (t) => {
  const world = createWorld(t, { feeds: { orders: FEED, prices: FEED } });
  const { warehouse } = world.feed('prices');
  renameSync(warehouse, `${warehouse} away`);
  for (const args of [[], ['--once']]) {
    const { code, stderr } = await world.run('ingest', args);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /does not exist; mount it or put it back where it had files, else run: mkdir -p /);
  }
});
