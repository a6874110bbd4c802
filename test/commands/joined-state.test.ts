/** A state of the version before: where it had joined a shared ledger, it ingests nothing until it has joined again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refused } from '../world/lost.js';
import { makeBefore, sharedIn } from '../world/state-before.js';
import { createWorld } from '../world/world.js';

const URL_OF_NONE = 'postgres://ingest@127.0.0.1:9/ingest';

test('a state that had joined is refused until it joins again, with and without its shared ledger', async (t) => {
  const world = createWorld(t);
  world.drop('first.csv', 100);
  await world.runOnce();
  makeBefore(world.statePath, { joined: true });
  world.drop('second.csv', 100);
  refused(
    await world.run('ingest', ['--once']),
    /shares its ledger with other hosts \(as lake-1\), so feed default needs/,
  );
  const named = await world.run('ingest', ['--once', '--shared-ledger', URL_OF_NONE]);
  refused(named, /run `ingest-ctl host join lake-1 --shared-ledger/);
  assert.equal(world.warehouse().length, 1);
});

test('a state that never joined goes on: what it knows is a duplicate', async (t) => {
  const world = createWorld(t);
  const bytes = Buffer.from('the same content');
  world.drop('first.csv', bytes);
  await world.runOnce();
  makeBefore(world.statePath, { joined: false });
  world.drop('again.csv', bytes);
  world.drop('second.csv', 100);
  await world.runOnce();
  assert.deepEqual(sharedIn(world.statePath), []);
  assert.equal(world.duplicates().length, 1);
  world.check();
});
