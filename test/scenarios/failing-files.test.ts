/**
 * Failing files: a file that cannot be ingested is held or dropped with a sentence, holds up nobody else, and goes on by
 * `ingest-ctl retry` once a person has put it right.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync, renameSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { shownName } from '../../src/linux/names.js';
import { asName } from '../world/dropping.js';
import type { HeardEvent } from '../world/event-log.js';
import { workDirOf } from '../world/layout.js';
import { remount, tmpfsMount } from '../world/mounts.js';
import { ordinaryUser, otherUser, skipUnlessReachable, skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

/** `head -c 5G /dev/zero | sha256sum` */
const ZEROS_5_GIB = '7f06c62352aebd8125b2a1841e2b9e1ffcbed602f381c3dcb3200200e383d1d5';

/** Released without a producer, which would notice by itself that the file was changed. */
async function releasedByRetry(world: World, name: string): Promise<void> {
  const retried = await world.run('ingest-ctl', ['retry', join(world.input, name)]);
  assert.equal(retried.code, 0, retried.stderr);
  world.start('ingest-worker');
  await until(`${name} is done`, () => jobOf(world, name)?.state === 'done' || undefined);
  await world.stop();
  world.check();
}

const jobOf = (world: World, name: string) => world.jobs().find((job) => job.key === asName(name));
const about = (name: string) => (event: HeardEvent) => String(event.path).endsWith(`/${name}`);

test('an unreadable file is held, others go through, and retry takes it once it can be read', async (t) => {
  if (skipUnlessRoot(t, 'files that may not be read')) return;
  if (skipUnlessReachable(t, ordinaryUser, 'files that may not be read')) return;
  const world = createWorld(t, { user: ordinaryUser });
  world.drop('plain.csv', 500);
  const { sha256 } = world.drop('secret.csv', 500);
  const path = join(world.input, 'secret.csv');
  chownSync(path, otherUser!.uid, otherUser!.gid);
  chmodSync(path, 0);
  world.held.add(sha256);
  await world.runOnce([], { code: 4 });
  world.check();
  const held = await world.event('file_held');
  assert.deepEqual([held.path, held.code], [path, 'unreadable']);
  assert.match(String(held.reason), /cannot read the file \(EACCES\)$/);
  world.held.clear();
  chmodSync(path, 0o644);
  await releasedByRetry(world, 'secret.csv');
});

test('a restart does not release a held file, also where its sidecar came after it', async (t) => {
  const world = createWorld(t, { options: { mode: 'sidecar', maxBytes: 1_000, stabilitySeconds: 0.1 } });
  world.start('ingest');
  world.held.add(world.drop('large.csv', 2_000).sha256);
  await until('it waits for its sidecar', () => jobOf(world, 'large.csv')?.reason === 'no_sidecar');
  writeFileSync(join(world.input, 'large.csv.ok'), '');
  world.bystander('input', 'large.csv.ok');
  await world.event('file_held', about('large.csv'));
  await world.stop();
  world.start('ingest');
  const after = world.drop('after.csv', 500);
  world.sidecar('after.csv');
  await world.isStored(after); // found by the same scan
  await world.stop();
  assert.equal(world.log.named('file_held').length, 1);
  world.check();
});

test('sparse files of exabytes are held, and no sum of them ends a process', async (t) => {
  if (skipUnlessRoot(t, 'files of exabytes, which need a tmpfs')) return;
  const world = createWorld(t);
  tmpfsMount(world.input);
  const sizes = { 'a.csv': '4E', 'b.csv': '4E', 'c.csv': '9223372036854775807' };
  for (const [name, size] of Object.entries(sizes)) execFileSync('truncate', ['-s', size, join(world.input, name)]);
  const many = 2_100; // more than 2^63 bytes in all
  for (let n = 0; n < many; n++) {
    writeFileSync(join(world.input, `${n}.csv`), '');
    truncateSync(join(world.input, `${n}.csv`), 2 ** 52);
  }
  const small = world.drop('small.csv', 100);
  await world.runOnce([], { code: 4 });
  const held = world.log.named('file_held');
  assert.equal(held.length, 3 + many);
  assert.ok(held.every(({ code }) => code === 'too_large'));
  assert.deepEqual(
    world.manifest().map(({ record }) => record!.sha256),
    [small.sha256],
  );
  assert.equal((await world.run('queue-stat', ['--json'])).code, 0);
  const discarded = await world.run('ingest-ctl', ['discard', '--all']);
  assert.equal(discarded.code, 0, discarded.stderr);
  await world.runOnce();
});

test('a sparse file of 5 GB over --max-bytes is held unread, and retry takes what the limit allows by then', async (t) => {
  const world = createWorld(t);
  const bytes = 5 * 1024 ** 3;
  const path = join(world.input, 'sparse.csv');
  writeFileSync(path, '');
  truncateSync(path, bytes);
  const { ino } = statSync(path);
  world.drop('large.csv', 2_000_000);
  await world.runOnce(['--max-bytes=1000000'], { code: 4 });
  assert.deepEqual(world.manifest(), []);
  const held = await world.event('file_held', about('sparse.csv'));
  assert.deepEqual([held.path, held.code], [path, 'too_large']);
  assert.match(
    String(held.reason),
    new RegExp(`the file has 5\\.0 GiB \\(${bytes} bytes\\), and --max-bytes is 977 KiB \\(1000000 bytes\\)$`),
  );
  assert.equal(statSync(path).ino, ino, 'it lies where it was dropped');

  const retryAll = async (): Promise<void> => {
    const retried = await world.run('ingest-ctl', ['retry', '--all']);
    assert.equal(retried.code, 0, retried.stderr);
  };
  await world.runOnce(['--max-bytes=2000000'], { code: 4 });
  assert.deepEqual(world.manifest(), [], 'a start with another bound does not release it, as the remedy says');
  await retryAll();
  await world.runOnce(['--max-bytes=2000000'], { code: 4 });
  assert.deepEqual(
    world.manifest().map(({ record }) => record!.size),
    [2_000_000],
  );
  await retryAll();
  await world.runOnce([`--max-bytes=${bytes}`]);
  const { record } = world.manifest()[1]!;
  assert.deepEqual([record!.size, record!.sha256], [bytes, ZEROS_5_GIB]);
  assert.equal(statSync(record!.warehouse_path).ino, ino, 'a rename, and none of it was written out');
  assert.deepEqual(
    world.jobs().map(({ ending }) => ending),
    ['stored', 'stored'],
  );
});

test('a retry before the restart that its remedy names says so, and one after it does not', async (t) => {
  const world = createWorld(t);
  world.start('ingest', ['--max-bytes=1000000']);
  const dropped = world.drop('large.csv', 2_000_000, { optional: true });
  const retried = async (says: RegExp): Promise<void> => {
    const { code, stderr } = await world.run('ingest-ctl', ['retry', '--all']);
    assert.equal(code, 0, stderr);
    assert.match(stderr, says);
  };
  await world.event('file_held', about('large.csv'));
  const since = world.log.all.length;
  await retried(
    /^ingest-ctl retry: a retry alone does not heal too_large: Raise --max-bytes, restart the service and run `ingest-ctl retry .*--all --code too_large/,
  );
  await world.event('file_held', about('large.csv'), { since });
  await world.stop();
  const stopped = world.log.all.length;
  world.start('ingest', ['--max-bytes=3000000']);
  await world.event('worker_started', ({ worker }) => String(worker).includes('worker'), { since: stopped });
  await retried(/^$/);
  await world.isStored(dropped);
  await world.stop();
  world.check();
});

test('a file that vanishes while it is waited for is dropped and logged, and may come again', async (t) => {
  const world = createWorld(t, { options: { stabilitySeconds: 10 } });
  // Its quiet window is longer than a busy machine takes to notice the job.
  world.start('ingest');
  world.drop('fleeting.csv', 500, { optional: true });
  await until('its job', () => jobOf(world, 'fleeting.csv'));
  rmSync(join(world.input, 'fleeting.csv'));
  const dropped = await world.event('file_dropped', about('fleeting.csv'));
  assert.equal(dropped.why, 'vanished');
  world.drop('fleeting.csv', 700);
  await world.event('file_ingested', about('fleeting.csv'));
  assert.deepEqual(world.log.named('file_held'), []);
  await world.stop();
  world.check();
});

test('a sealed file that vanishes at a closed gate is held, also at a second try, until it is put back', async (t) => {
  if (skipUnlessRoot(t, 'sealed files that vanish while the warehouse is failing')) return;
  const world = createWorld(t);
  const { warehouse } = world.feed();
  tmpfsMount(warehouse);
  world.drop('before.csv', 500);
  await world.runOnce();
  remount(warehouse, 'ro');
  world.start('ingest');
  world.drop('sealed.csv', 500);
  await world.event('gate_closed');
  const underprocess = join(workDirOf(world.feed()), 'underprocess');
  const [name] = readdirSync(underprocess);
  const away = join(world.root, 'taken away');
  renameSync(join(underprocess, name!), away);
  remount(warehouse, 'rw');
  const held = await world.event('file_held', about('sealed.csv'));
  assert.equal(held.code, 'sealed_file_missing');
  assert.match(String(held.reason), /is no longer at .*underprocess\/[0-9A-Z]{26}~/);

  const since = world.log.all.length;
  assert.equal((await world.run('ingest-ctl', ['retry', '--all'])).code, 0);
  const again = await world.event('file_held', about('sealed.csv'), { since });
  assert.equal(again.code, 'sealed_file_missing', 'nobody has moved it, so no consumer can have taken it');

  renameSync(away, join(underprocess, name!));
  assert.equal((await world.run('ingest-ctl', ['retry', '--all'])).code, 0);
  await world.event('file_ingested', about('sealed.csv'));
  await world.allDone();
  await world.stop();
  world.check();
  assert.equal(shownName(world.ledger().at(-1)!.target!).endsWith('/sealed.csv'), true);
});
