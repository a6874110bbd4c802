/**
 * Without work, nothing is written. A ring is heard at once by other processes, and never by the one that rang.
 */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Doorbell } from '../../../queue/sqlite/doorbell.js';
import { host } from '../../../src/linux/index.js';
import { until } from '../../world/waiting.js';
import { candidate, candidates, scenario } from '../world.js';
import { sqlite } from './kind.js';

const times = (path: string) =>
  readdirSync(dirname(path))
    .filter((name) => !name.endsWith('-shm'))
    .map((name) => [
      name,
      statSync(join(dirname(path), name), { bigint: true }).mtimeNs,
      statSync(join(dirname(path), name)).size,
    ]);

scenario(sqlite, 'looking for work, for dead owners and at known candidates writes nothing', async (world) => {
  const queue = await world.open();
  await queue.enqueue(candidates(50, { dueInMs: 3_600_000 }));
  await queue.putFeed('default', { a: 1 });
  const before = times(world.address);
  for (let i = 0; i < 20; i++) {
    assert.deepEqual(await queue.claim('first', 100), []);
    assert.deepEqual(await queue.claim('second', 100), []);
    assert.deepEqual(await queue.rescue(), []);
    assert(queue.nextDueMs('first') > queue.nowMs());
  }
  assert(await queue.enqueue(candidates(50)).then((answers) => answers.every((answer) => answer === 'known')));
  await queue.putFeed('default', { a: 1 });
  queue.checkStillOurs();
  assert.deepEqual(times(world.address), before);
});

scenario(
  sqlite,
  'a ring is heard by others long before the data_version check, and not by the one that rang',
  async (world) => {
    const [rings, hears] = [await world.open(), await world.open()];
    const bell = `${world.address}.doorbell`;
    // Separate doorbells, each with the data_version of its own connection: the first sees no commits of others.
    const version = (queue: typeof rings) => () =>
      queue.read((rows) => rows.get<{ data_version: number }>('PRAGMA data_version'))!.data_version;
    let own = 0;
    let others = 0;
    const mine = new Doorbell(host(), bell, version(rings));
    const theirs = new Doorbell(host(), bell, version(hears));
    mine.onWork(() => own++);
    theirs.onWork(() => others++);
    let shortestMs = Number.POSITIVE_INFINITY;
    // A busy disk may be slow once, or twice.
    for (let n = 0; n < 5; n++) {
      const [begin, before] = [performance.now(), others];
      await rings.enqueue([candidate(`a${n}`)]);
      await until('the ring is heard', () => others > before, { everyMs: 1 });
      shortestMs = Math.min(shortestMs, performance.now() - begin);
    }
    assert(shortestMs < 500, `${shortestMs} ms: the net alone would need a second`);
    assert.equal(own, 0);
    mine.close();
    theirs.close();
  },
);
