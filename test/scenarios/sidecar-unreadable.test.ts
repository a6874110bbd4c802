/** Sidecars that say less than they seem to: one that cannot be read, and one without a checksum. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { nameOfText } from '../../src/linux/names.js';
import { give, ordinaryUser, skipUnlessReachable, skipUnlessRoot } from '../world/users.js';
import { createWorld } from '../world/world.js';

const options = { mode: 'sidecar' };

test('a sidecar that cannot be read keeps its file, is logged and explained, and is read as soon as possible', async (t) => {
  const what = 'sidecars of somebody else';
  if (skipUnlessRoot(t, what) || skipUnlessReachable(t, ordinaryUser, what)) return;
  const world = createWorld(t, { options, user: ordinaryUser });
  const dropped = world.drop('a.csv', 2_000);
  give(ordinaryUser, join(world.input, 'a.csv'));
  const sidecar = join(world.input, 'a.csv.ok');
  writeFileSync(sidecar, `${dropped.sha256}  a.csv\n`, { mode: 0o600 });
  world.sidecars.add(nameOfText('a.csv.ok'));
  world.start('ingest');
  const told = await world.event('file_retry', ({ code }) => code === 'sidecar_unreadable');
  assert.match(
    String(told.reason),
    /its sidecar a\.csv\.ok is there, but cannot be read \(EACCES\): give this user read permission/,
  );
  world.untouched('a.csv');
  const { stdout } = await world.run('ingest-ctl', ['explain', join(world.input, 'a.csv')]);
  assert.match(stdout, /its sidecar a\.csv\.ok is there, but cannot be read \(EACCES\)/);
  chmodSync(sidecar, 0o644);
  await world.isStored(dropped);
  await world.allDone();
  await world.stop();
  world.check();
});

test('a sidecar that says something, and no SHA-256, is logged once; an empty one says all that it should', async (t) => {
  const world = createWorld(t, { options });
  const says: Record<string, string> = {
    'empty.csv': '',
    'word.csv': 'complete\n',
    'md5.csv': `${'a'.repeat(32)}  md5.csv\n`,
  };
  for (const [name, text] of Object.entries(says)) {
    world.drop(name, 1_000);
    world.sidecar(name, text);
  }
  await world.runOnce();
  const told = world.log.named('sidecar_without_checksum').map(({ path }) => path);
  assert.deepEqual(
    told.sort(),
    ['md5.csv', 'word.csv'].map((name) => join(world.input, name)),
  );
  assert.equal(world.log.named('file_ingested').length, 3);
  world.check();
});
