/** The current job of a worker whose batches of several stages run interleaved: a crash is counted for that file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Background } from '../../../src/ingest/worker/background.js';
import type { Feeds } from '../../../src/ingest/worker/feeds.js';
import { Bench } from '../stages/bench.js';

const [LARGE, SMALL] = ['01ARZ3NDEKTSV4RRFFQ69G5FAV', '01BX5ZZKBKACTAV9WEVGEMMVRZ'];

test('a file that is read for an hour is the current job again when another batch has ended beside it', async () => {
  const bench = await Bench.open();
  try {
    // Timers that need the feeds are not started.
    const feeds = undefined as unknown as Feeds;
    const { backend } = bench;
    const background = new Background({
      backend,
      statePath: '',
      feeds,
      emit: () => {},
      stallMs: 60_000,
      onFatal: (error) => assert.ifError(error),
      checkThreads: () => {},
    });
    const inProgress = () => backend.owners().map(({ job, place }) => [job, place]);
    const [hash, verify] = [{}, {}];
    background.hand(hash, { job: LARGE, place: '' });
    assert.deepEqual(inProgress(), [[LARGE, '']]);
    background.hand(verify, { job: SMALL, place: 'input' });
    assert.deepEqual(inProgress(), [[SMALL, 'input']]);
    background.hand(verify, undefined);
    assert.deepEqual(inProgress(), [[LARGE, '']]);
    background.hand(hash, undefined);
    assert.deepEqual(inProgress(), [[null, '']]);
    background.stop();
  } finally {
    await bench.close();
  }
});
