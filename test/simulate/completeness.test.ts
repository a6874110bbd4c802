/** The scripts against a running ingestor: complete files only, whatever the upstream job does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dropped } from '../world/dropping.js';
import { stays } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';
import { skipUnlessInstalled } from './installed.js';

/** Runs a script that delivers one file, asserting all the while that nothing happens to it before it is whole. */
const delivers = (world: World, name: string, script: string, args: string[]): Promise<Dropped> =>
  world.complete(name, async () => {
    const [dropped] = await world.simulate(script, args);
    assert(dropped);
    return dropped;
  });

test('a slow copy that stays open over many windows is taken when it is closed', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 0.2 } });
  world.start('ingest');
  await delivers(world, 'slow.csv', 'slow-copy', ['--chunks', '4', '--pause-seconds', '1']);
  await world.stop();
  world.check();
});

test('a copy that closes between its chunks is taken when it was quiet for a window', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 1.5 } });
  world.start('ingest');
  await delivers(world, 'slow.csv', 'slow-copy', ['--between', 'closed', '--chunks', '5', '--pause-seconds', '0.5']);
  await world.stop();
  world.check();
});

test('a file that is renamed when it is done is never taken under its temporary name', async (t) => {
  const world = createWorld(t);
  world.start('ingest');
  const [dropped] = await world.simulate('rename-when-done', ['--pause-seconds', '0.6']);
  await world.isStored(dropped!);
  await world.stop();
  world.check();
  assert.match(world.manifest()[0]!.record!.path, /renamed\.csv$/);
});

for (const pause of ['0', '1.5']) {
  test(`a content that is sent twice, ${pause} s apart, is stored once`, async (t) => {
    const world = createWorld(t);
    world.start('ingest');
    await world.simulate('duplicate-resend', ['--pause-seconds', pause]);
    const skipped = await world.event('file_skipped_duplicate');
    const ingested = await world.event('file_ingested');
    assert.equal(skipped.duplicate_of, ingested.warehouse_path);
    await world.stop();
    world.check();
    assert.equal(world.manifest().length, 1);
    assert.equal(world.duplicates().length, 1);
  });
}

for (const checksum of ['none', 'plain', 'sha256sum']) {
  test(`in sidecar mode a file waits for its sidecar (checksum: ${checksum})`, async (t) => {
    const world = createWorld(t, { options: { mode: 'sidecar' } });
    world.start('ingest');
    await delivers(world, 'with-sidecar.csv', 'late-sidecar', ['--checksum', checksum, '--pause-seconds', '1.5']);
    await world.stop();
    world.check();
  });
}

test('a sidecar before its file is not enough', async (t) => {
  const world = createWorld(t, { options: { mode: 'sidecar' } });
  world.start('ingest');
  await delivers(world, 'with-sidecar.csv', 'late-sidecar', ['--order', 'sidecar-first', '--pause-seconds', '1']);
  await world.stop();
  world.check();
});

test('a file whose sidecar tells another checksum is held, and nothing of it is stored', async (t) => {
  const world = createWorld(t, { options: { mode: 'sidecar' } });
  world.start('ingest');
  const [dropped] = await world.simulate('late-sidecar', ['--checksum', 'wrong', '--pause-seconds', '0.5']);
  const held = await world.event('file_held');
  assert.match(String(held.code), /sidecar|checksum/);
  await world.stop();
  world.held.add(dropped!.sha256);
  world.check();
  assert.deepEqual(world.manifest(), []);
});

for (const how of ['rename', 'copytruncate', 'old-writer']) {
  test(`a log that is rotated by ${how} loses nothing`, async (t) => {
    // A rotation's pauses are longer than the window: what is taken in between must be whole.
    const world = createWorld(t, { options: { stabilitySeconds: 0.4 } });
    world.start('ingest');
    const logs = await world.simulate('log-rotation', ['--how', how, '--pause-seconds', '0.9', '--lines', '50']);
    for (const log of logs) await world.isStored(log);
    await world.stop();
    world.check();
  });
}

test('an rsync --partial that was cut is left alone', async (t) => {
  if (skipUnlessInstalled(t, 'rsync', 'a cut rsync --partial')) return;
  const world = createWorld(t, { options: { stabilitySeconds: 0.2 } });
  await world.simulate('rsync-like', ['--how', 'cut', '--bytes', '1000000']);
  world.bystander('input', 'rsync.csv');
  world.start('ingest');
  const other = world.drop('other.csv', 1000);
  await world.isStored(other);
  await stays('rsync.csv lies in the input', () => world.survey().input.length === 1, 2_000);
  await world.stop();
  world.check({ settled: false });
});
