/** Directories that are closed to the user of the service: `doctor` names each once, and a start is refused in one sentence. */
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { workDirOf } from '../world/layout.js';
import { ordinaryUser, skipUnlessReachable } from '../world/users.js';
import { createWorld, type World } from '../world/world.js';
import { doctor } from './findings.js';

const PLACES = ['input', 'work directory', 'manifests', 'warehouse', 'state'] as const;
type Place = (typeof PLACES)[number];

function pathOf(world: World, place: Place): string {
  const feed = world.feed();
  if (place === 'work directory') return workDirOf(feed);
  return place === 'state' ? dirname(world.statePath) : feed[place];
}

async function whileClosed<T>(path: string, act: () => Promise<T>): Promise<T> {
  chmodSync(path, 0o000);
  try {
    return await act();
  } finally {
    chmodSync(path, 0o755);
  }
}

for (const when of ['before the first start', 'after it'] as const) {
  test(`doctor names a closed directory once, and nothing else for it, ${when}`, async (t) => {
    if (skipUnlessReachable(t, ordinaryUser, 'doctor on closed directories was not tested.')) return;
    const world = createWorld(t, { user: ordinaryUser });
    if (when === 'after it') await world.runOnce();
    for (const place of PLACES.filter((one) => when === 'after it' || one !== 'work directory')) {
      const path = pathOf(world, place);
      const found = await whileClosed(path, () => doctor(world, 3));
      assert.deepEqual(
        found.filter(({ level }) => level === 'fail').map(({ about, what }) => [about, what]),
        [[place, `${path} cannot be looked at (EACCES)`]],
      );
    }
    await doctor(world, 0);
  });
}

test('a work directory that is closed is not replaced by one inside the input', async (t) => {
  if (skipUnlessReachable(t, ordinaryUser, 'a work directory that is closed was not tested.')) return;
  const world = createWorld(t, { user: ordinaryUser });
  await world.runOnce();
  const found = await whileClosed(workDirOf(world.feed()), () => doctor(world, 3));
  assert(!found.some(({ what }) => /inside the input/.test(what)), JSON.stringify(found));
});

for (const place of ['work directory', 'manifests', 'state'] as const) {
  test(`a start with a closed ${place} is refused in one sentence`, async (t) => {
    if (skipUnlessReachable(t, ordinaryUser, 'a start on closed directories was not tested.')) return;
    const world = createWorld(t, { user: ordinaryUser });
    await world.runOnce();
    const path = pathOf(world, place);
    const { code, stderr, events } = await whileClosed(path, () => world.run('ingest', ['--once']));
    assert.equal(code, 3, stderr);
    assert.match(stderr, new RegExp(`${path}\\S* cannot be (used|opened) \\(EACCES\\)`));
    assert.doesNotMatch(stderr, /\n\s+at |is gone|rebuild/);
    assert.equal(events.filter(({ event }) => event === 'worker_lost').length, 0, stderr);
  });
}

test('an input that is closed at the first start is waited for, without a death of a process', async (t) => {
  if (skipUnlessReachable(t, ordinaryUser, 'an input that is closed was not tested.')) return;
  const world = createWorld(t, { user: ordinaryUser });
  const ingest = await whileClosed(world.input, async () => {
    const started = world.start('ingest');
    await world.event('worker_started', ({ worker }) => worker === 'producer');
    return started;
  });
  const file = world.drop('a.csv', 100);
  await world.isStored(file);
  assert.doesNotMatch(ingest.lines.join('\n'), /\n\s+at |worker_lost/);
  await world.stop();
});
