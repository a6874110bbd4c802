/**
 * Moves: by rename on one filesystem, by a copy that keeps everything to another one. No temporary file stays.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, linkSync, mkdirSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { shownName } from '../../src/linux/names.js';
import { aclTextOf, setAclOf, skipWithoutAcls } from '../world/acl.js';
import { BY_COUNTRY, orders } from '../world/chains.js';
import type { Dropped } from '../world/dropping.js';
import { bindMount, loopMount, ramfsMount, tmpfsMount } from '../world/mounts.js';
import { isRoot, skipUnlessRoot } from '../world/users.js';
import { until } from '../world/waiting.js';
import { createWorld, type World } from '../world/world.js';

const KiB = 1024;
const MiB = 1024 * KiB;
/** Long ago, with a fraction that a double of seconds still holds. */
const MTIME = 1_234_567_890.5;

interface Before {
  dropped: Dropped;
  stat: ReturnType<typeof bigStat>;
}

const bigStat = (path: string) => statSync(path, { bigint: true });

/** A small and a large file (they are copied in different ways), with a mode, an owner and times of their own. */
function dropMarked(world: World, folder = ''): Before[] {
  return [3 * KiB, 3 * MiB + 7].map((bytes, i) => {
    const name = `${folder}marked ${i}${folder.replaceAll('/', '-')}.csv`;
    const dropped = world.drop(name, bytes);
    const path = join(world.input, name);
    if (isRoot) chownSync(path, 12_345 + i, 54_321 + i);
    chmodSync(path, i === 0 ? 0o640 : 0o604);
    utimesSync(path, MTIME - 60, MTIME + i);
    return { dropped, stat: bigStat(path) };
  });
}

function storedAs(world: World, { sha256 }: Dropped) {
  const found = world.warehouse().filter((f) => f.sha256 === sha256);
  assert.equal(found.length, 1, `${sha256} is stored ${found.length} times`);
  return found[0]!;
}

function keptAttributes(world: World, before: readonly Before[]): void {
  for (const { dropped, stat } of before) {
    const { mode, uid, gid, mtimeNs } = storedAs(world, dropped);
    assert.deepEqual(
      { mode, uid, gid, mtimeNs },
      { mode: Number(stat.mode), uid: Number(stat.uid), gid: Number(stat.gid), mtimeNs: stat.mtimeNs },
    );
    const record = world.manifest().find(({ record }) => record?.sha256 === dropped.sha256)!.record!;
    assert.equal(String(record.inode), String(stat.ino), 'the record names the inode of the original');
    assert.equal(String(record.mtime_ns), String(stat.mtimeNs));
  }
}

function assertCopied(world: World, before: readonly Before[]): void {
  world.check();
  keptAttributes(world, before);
  for (const { dropped, stat } of before) assert.notEqual(storedAs(world, dropped).ino, stat.ino);
  assert.deepEqual(world.survey().temporary, []);
  assert.deepEqual(world.underprocess(), []);
}

test('on one filesystem a file is renamed: the stored one is the inode that was dropped', async (t) => {
  const world = createWorld(t);
  const before = dropMarked(world);
  await world.runOnce();
  world.check();
  keptAttributes(world, before);
  for (const { dropped, stat } of before) assert.equal(storedAs(world, dropped).ino, stat.ino);
});

test('to a second filesystem a file is copied with its mode, owner and times, and the source goes away', async (t) => {
  if (skipUnlessRoot(t, 'moves to a second filesystem')) return;
  const world = createWorld(t);
  tmpfsMount(world.feed().warehouse);
  const before = dropMarked(world);
  await world.runOnce();
  assertCopied(world, before);
});

const ACL = 'user::rw-,user:54321:rw-,group::---,mask::rw-,other::---';

/** A file with this ACL, and a second name or not: then only a private copy can be hashed. */
function dropGuarded(world: World, name: string, text: string | number, hasSecondName = false): string {
  const { sha256 } = world.drop(name, text);
  setAclOf(join(world.input, name), '--set', ACL);
  if (hasSecondName) linkSync(join(world.input, name), join(world.root, 'second name'));
  return sha256;
}

const pathOf = (world: World, sha256: string) =>
  join(world.feed().warehouse, shownName(world.warehouse().find((found) => found.sha256 === sha256)!.path));

test('a copy has the ACL of its file, a private one too, and so has each output of a chain', async (t) => {
  const options = { stabilitySeconds: 0, quietMs: 0, process: BY_COUNTRY };
  const world = createWorld(t, { feeds: { made: { options } } });
  if (skipWithoutAcls(t, world.root)) return;
  if (isRoot) tmpfsMount(world.feed().warehouse);
  const { text, made } = orders('acl', 50);
  const stored = [dropGuarded(world, 'plain.csv', text), ...Object.values(made)];
  world.made.set(stored[0]!, made);
  const other = orders('private', 50);
  const copied = dropGuarded(world, 'private.csv', other.text, true);
  world.made.set(copied, other.made);
  await world.runOnce();
  for (const sha256 of [...stored, copied, ...Object.values(other.made)])
    assert.equal(aclTextOf(pathOf(world, sha256)), ACL);
  world.check();
});

test('where the warehouse has no ACLs, the group gets no more than it had', async (t) => {
  if (skipUnlessRoot(t, 'a filesystem without ACLs')) return;
  const world = createWorld(t);
  if (skipWithoutAcls(t, world.root)) return;
  ramfsMount(world.feed().warehouse);
  const sha256 = dropGuarded(world, 'guarded.csv', 500);
  await world.runOnce();
  assert.equal(statSync(pathOf(world, sha256)).mode & 0o777, 0o600);
  world.check();
});

test('between two bind mounts of one filesystem, which have one device number, a file is copied', async (t) => {
  if (skipUnlessRoot(t, 'moves between bind mounts')) return;
  const world = createWorld(t);
  for (const place of ['input', 'warehouse'] as const) {
    const source = join(world.root, `source of ${place}`);
    mkdirSync(source);
    bindMount(source, world.feed()[place]);
  }
  assert.equal(statSync(world.input).dev, statSync(world.feed().warehouse).dev);
  const before = dropMarked(world);
  await world.runOnce();
  assertCopied(world, before);
});

test('subdirectories of the input on other mounts are sealed inside their mounts', async (t) => {
  if (skipUnlessRoot(t, 'inputs with other mounts in them')) return;
  const world = createWorld(t);
  const mounts = ['on a tmpfs', 'deep/er/bound'];
  tmpfsMount(join(world.input, mounts[0]!));
  mkdirSync(join(world.root, 'source'));
  bindMount(join(world.root, 'source'), join(world.input, mounts[1]!));
  const before = [
    ...dropMarked(world),
    ...dropMarked(world, 'on a tmpfs/'),
    ...dropMarked(world, 'deep/er/bound/and below/'),
  ];
  await world.runOnce();
  for (const mount of mounts) {
    const inside = join(world.input, mount, '.ingest');
    assert.deepEqual(readdirSync(join(inside, 'underprocess')), []);
    assert.equal(statSync(inside).mode & 0o777, 0o700);
  }
  world.check();
  keptAttributes(world, before);
});

test('a partition that is a mount of its own gets its temporary files inside that mount', async (t) => {
  if (skipUnlessRoot(t, 'partitions on mounts of their own')) return;
  const world = createWorld(t);
  const days = [0, 1].map((n) => new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10));
  for (const day of days) tmpfsMount(join(world.feed().warehouse, `ingest_date=${day}`));
  const before = dropMarked(world);
  await world.runOnce();
  assertCopied(world, before);
});

test('after ten kills while a temporary file exists, none is left and every file is stored once', async (t) => {
  if (skipUnlessRoot(t, 'kills in the middle of a copy to a second filesystem')) return;
  const world = createWorld(t);
  await world.followManifests();
  loopMount(world.feed().warehouse, { bytes: 256 * MiB });
  for (let i = 0; i < 4; i++) world.drop(`large ${i}.csv`, 32 * MiB);
  // A job whose process died five times while it had the job is held as poison; this test is about something else.
  const seen: string[] = [];
  const isNew = (name: string) => !seen.includes(name) && seen.filter((one) => jobOf(one) === jobOf(name)).length < 4;
  for (let kills = 0; kills < 10; ) {
    const ingest = world.start('ingest');
    const name = await until('a temporary file', () => temporaries(world).find(isNew), {
      everyMs: 1,
    });
    ingest.killAll();
    await ingest.ended;
    seen.push(name);
    // A file that got its name at that very moment does not count.
    if (temporaries(world).includes(name)) kills++;
  }
  world.start('ingest');
  await world.stored();
  await until('the sources are put away', () => world.underprocess().length === 0, { everyMs: 50 });
  await world.stop();
  world.check();
  assert.deepEqual(temporaries(world), []);
});

const jobOf = (temporary: string): string => temporary.split('.')[0]!;

const temporaries = (world: World): string[] => {
  try {
    return readdirSync(join(world.feed().warehouse, '.ingest-tmp'));
  } catch {
    return [];
  }
};
