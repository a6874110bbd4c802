/** A warehouse that does not answer while its files are published: it is named, and the other feeds go on. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { servedMount } from '../world/mounts.js';
import { checkBucket, objectsOf, proxied } from '../world/publisher.js';
import { files } from '../world/tree.js';
import { skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';

for (const step of ['is published', 'is removed here'] as const) {
  test(`a warehouse stops answering before a file of it ${step}: it is named, other feeds go on, and it goes on by itself`, async (t) => {
    if (skipUnlessRoot(t, 'a dead warehouse under publish')) return;
    const made = await proxied(t, {
      feedNames: ['orders', 'prices'],
      options: step === 'is removed here' ? { keepLocal: '1s' } : {},
    });
    if (!made) return;
    const { world, bucket, proxy } = made;
    const { warehouse } = world.feed('prices');
    const below = join(world.root, 'below');
    mkdirSync(below);
    const server = await servedMount(below, warehouse);
    if (!server) return t.skip('no bindfs or no FUSE: a dead warehouse under publish was not tested');
    const isThere = (feed: string) =>
      until(`an object of ${feed}`, async () => (await objectsOf(bucket, feed)).length === 1);
    world.drop('a.csv', 'id\n1\n', { feed: 'prices' });
    const rule = proxy.add(
      step === 'is removed here' ? { kind: 'head', key: /~a\.csv$/ } : { key: /prices\/_ingest\.json$/ },
      'hold',
    );
    world.start('ingest', ['--stall-seconds', '8']);
    await rule.hit();
    await until('it is stored', () => world.ledger('prices').some(({ state }) => state === 'stored'));
    server.kill('SIGSTOP');
    void rule.release();
    await world.event('worker_stalled', ({ place }) => place === 'warehouse');
    // No job belongs to a removal: the process that comes next does not enter the feed.
    if (step === 'is published')
      await world.event(
        'gate_closed',
        ({ feed, place, code }) => `${feed} ${place} ${code}` === 'prices warehouse stuck',
      );
    world.drop('b.csv', 'id\n2\n', { feed: 'orders' });
    await isThere('orders');
    server.kill('SIGCONT');
    await isThere('prices');
    if (step === 'is removed here')
      await until('it is removed', () => !files(below).some(({ path }) => String(path).endsWith('.csv')));
    await world.allDone();
    await world.stop();
    for (const feed of ['orders', 'prices']) assert.equal((await checkBucket(bucket, feed)).length, 1);
  });
}
