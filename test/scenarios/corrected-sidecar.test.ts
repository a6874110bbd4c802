/** A held file whose sidecar was wrong or not understood is released by a right one, and by nothing else. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sha256 } from '../world/dropping.js';
import type { HeardEvent } from '../world/event-log.js';
import { done, held } from '../world/jobs.js';
import { workDirOf } from '../world/layout.js';
import { createWorld, type World } from '../world/world.js';
import { scenarios, watched } from './watching.js';

const options = { mode: 'sidecar', stabilitySeconds: 0.2 };
const WRONG = '0'.repeat(64);

const sidecarPath = ({ input }: World, name: string): string => join(input, `${name}.ok`);

/** The texts of the sidecars in `failed/`. */
const putAside = (world: World): string[] => {
  const failed = join(workDirOf(world.feed()), 'failed');
  return readdirSync(failed)
    .filter((name) => name.includes('.ok~'))
    .map((name) => readFileSync(join(failed, name), 'utf8'));
};
const about = (name: string) => (event: HeardEvent) => String(event.path).endsWith(`/${name}`);

scenarios('a corrected sidecar releases its held file', () => {
  watched('one that demanded another checksum', { options }, async (world) => {
    const dropped = world.drop('a.csv', 5_000);
    world.sidecar('a.csv', `${WRONG}  a.csv\n`);
    assert.equal((await world.event('file_held')).code, 'checksum_mismatch');
    world.sidecar('a.csv', `${dropped.sha256}  a.csv\n`);
    await world.isStored(dropped);
    await world.allDone();
    assert.deepEqual(putAside(world), [`${WRONG}  a.csv\n`]);
    assert.equal(existsSync(sidecarPath(world, 'a.csv')), false);
  });

  watched('one that was not understood, in a folder', { options }, async (world) => {
    const dropped = world.drop('in/a.csv', 5_000);
    world.sidecar('in/a.csv', `SHA3-256 (a.csv) = ${WRONG}\n`);
    const { code, reason } = await world.event('file_held');
    assert.equal(code, 'sidecar_not_understood');
    assert.match(String(reason), new RegExp(`its SHA-256 is ${dropped.sha256}, and its sidecar has a checksum`));
    world.sidecar('in/a.csv', `SHA256 (a.csv) = ${dropped.sha256}\n`);
    await world.isStored(dropped);
    await world.allDone();
    assert.deepEqual(putAside(world), [`SHA3-256 (a.csv) = ${WRONG}\n`]);
  });

  watched('a sidecar of the next version stays, and comes with that version', { options }, async (world) => {
    const first = world.drop('a.csv', 5_000);
    world.held.add(first.sha256);
    world.sidecar('a.csv', `${WRONG}  a.csv\n`);
    await held(world, 'a.csv', 'checksum_mismatch');
    const next = world.content(6_000);
    const since = world.log.all.length;
    world.sidecar('a.csv', `${sha256(next)}  a.csv\n`);
    // It was offered, and left.
    await world.event('file_held', about('a.csv'), { since });
    assert.ok(existsSync(sidecarPath(world, 'a.csv')));
    world.drop('a.csv', next);
    await done(world, 'a.csv', 'stored');
    assert.equal(world.jobs().filter(({ state }) => state === 'held').length, 1);
  });
});

test('a file that was cut after sha256sum --tag is held', async (t) => {
  const world = createWorld(t, { options });
  const whole = world.drop('a.csv', 5_000, { optional: true });
  truncateSync(join(world.input, 'a.csv'), 4_000);
  writeFileSync(sidecarPath(world, 'a.csv'), `SHA256 (a.csv) = ${whole.sha256}\n`);
  await world.runOnce([], { code: 4 });
  assert.equal((await world.event('file_held')).code, 'checksum_mismatch');
  assert.deepEqual(world.manifest(), []);
});

test('a retry says what heals; a sidecar that came while nothing ran releases its file at the next start', async (t) => {
  const world = createWorld(t, { options });
  const dropped = world.drop('a.csv', 5_000);
  world.sidecar('a.csv', `${WRONG}  a.csv\n`);
  await world.runOnce([], { code: 4 });
  const { stderr } = await world.run('ingest-ctl', ['retry', '--all']);
  assert.match(stderr, /a retry alone does not heal checksum_mismatch: If the file is right, send its sidecar again/);
  await world.runOnce([], { code: 4 });
  world.sidecar('a.csv', dropped.sha256);
  await world.runOnce();
  world.check();
  assert.equal(world.manifest().length, 1);
});

test('the suffix of sidecars may have any letters; a wrong one holds its file, and a right one releases it', async (t) => {
  for (const suffix of ['.geprüft', '.готово']) {
    const world = createWorld(t, { options: { ...options, sidecarSuffix: suffix } });
    const dropped = world.drop('a.csv', 5_000);
    world.sidecar('a.csv', `${WRONG}  a.csv\n`, { suffix });
    await world.runOnce([], { code: 4 });
    assert.equal((await world.event('file_held')).code, 'checksum_mismatch');
    world.sidecar('a.csv', dropped.sha256, { suffix });
    await world.runOnce();
    world.check();
    assert.equal(world.manifest().length, 1);
  }
});
