/**
 * A mirror refuses or waits: no typing error and no missing mount ever empties a folder.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { OperatorError } from '../../src/base/errors.js';
import { createChangeLog } from '../../src/change-log/index.js';
import { limits } from '../../src/mirror/trees/limits.js';
import { foldingMount, tmpfsMount, unmount } from '../world/mounts.js';
import { tree } from '../world/tree.js';
import { isRoot } from '../world/users.js';
import { stays, until } from '../world/waiting.js';
import { assertAlike, fill, leftOver, mirrorWorld } from './mirror-world.js';

const needsMounts = { skip: isRoot ? false : 'not root: nothing that needs a mount of its own was tested' };

/** Returns the code of a refusal, and asserts that its message is a sentence. */
async function refused(act: Promise<unknown>): Promise<string> {
  const error = await act.then(
    () => assert.fail('it was not refused'),
    (told: unknown) => told,
  );
  assert(error instanceof OperatorError, String((error as Error).stack));
  assert.match(error.message, /^.{30,}\.$/s);
  return error.code;
}

test("a stranger's folder is refused whole, and nothing of it changes", async (t) => {
  const { source, dest, once } = mirrorWorld(t);
  writeFileSync(join(source, 'mine'), 'x');
  writeFileSync(join(dest, 'precious'), 'not ours');
  assert.equal(await refused(once()), 'dest_not_ours');
  assert.deepEqual(readdirSync(dest), ['precious']);
  // Hidden names are content too.
  renameSync(join(dest, 'precious'), join(dest, '.precious'));
  assert.equal(await refused(once()), 'dest_not_ours');
  await once({ adopt: true, delete: false });
  assert.deepEqual(readdirSync(dest).sort(), ['.ingest-replicate', '.precious', 'mine']);
  await once();
  assertAlike(source, dest);
});

test('folders that lie in one another, those of an ingestor, and the mirror of another SOURCE are refused', async (t) => {
  const { root, source, dest, once } = mirrorWorld(t);
  mkdirSync(join(source, 'inner'));
  assert.equal(await refused(once({ dest: join(source, 'inner') })), 'folders_overlap');
  assert.equal(await refused(once({ source: join(source, 'inner'), dest: source })), 'folders_overlap');
  assert.equal(await refused(once({ dest: source })), 'folders_overlap');
  for (const folder of [source, dest]) {
    assert.equal(await refused(once({ changeLog: join(folder, 'changes.db') })), 'folders_overlap');
    assert.deepEqual(readdirSync(dest), []);
  }
  const other = join(root, 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'other'), 'x');
  await once();
  assert.equal(await refused(once({ source: other })), 'dest_of_another_source');
  assertAlike(source, dest);
  await once({ source: other, adopt: true });
  assertAlike(other, dest);
  writeFileSync(join(root, 'other/.ingest-root'), '{}');
  assert.equal(await refused(once({ source, dest: other, adopt: true })), 'dest_is_a_root');
});

test('one DEST has one mirror at a time', async (t) => {
  const { follow, once } = mirrorWorld(t);
  const mirror = await follow();
  assert.equal(await refused(once()), 'dest_in_use');
  mirror.stop();
  await mirror.done;
  await once();
});

test('a SOURCE that is missing or created again empties nothing, while it runs and when it starts', async (t) => {
  const { root, source, dest, follow, once, alike, heard, told } = mirrorWorld(t);
  writeFileSync(join(source, 'a'), 'kept');
  const mirror = await follow({ scanEveryMs: 50 });
  await alike();
  renameSync(source, join(root, 'away'));
  assert.equal((await heard('source_missing')).code, 'ENOENT');
  mkdirSync(source);
  await until('the empty SOURCE was checked', () => told.some(({ code }) => code === 'emptied'));
  mirror.stop();
  await mirror.done;
  assert.equal(readFileSync(join(dest, 'a'), 'utf8'), 'kept');
  assert.equal(await refused(once()), 'source_missing');
  assert.equal(readFileSync(join(dest, 'a'), 'utf8'), 'kept');
  rmSync(source, { recursive: true });
  renameSync(join(root, 'away'), source);
  writeFileSync(join(source, 'b'), 'new');
  await once();
  assertAlike(source, dest);
});

test('it continues by itself when SOURCE is back', async (t) => {
  const { root, source, follow, alike, heard } = mirrorWorld(t);
  writeFileSync(join(source, 'a'), 'kept');
  await follow({ scanEveryMs: 50 });
  await alike();
  renameSync(source, join(root, 'away'));
  await heard('source_missing');
  writeFileSync(join(root, 'away/b'), 'while it was away');
  renameSync(join(root, 'away'), source);
  await heard('source_back');
  await alike();
  writeFileSync(join(source, 'c'), 'after it');
  await alike();
});

test('a SOURCE on another kind of filesystem is another one', needsMounts, async (t) => {
  const { source, dest, once } = mirrorWorld(t);
  writeFileSync(join(source, 'a'), 'x');
  await once();
  const { inode } = JSON.parse(readFileSync(join(dest, '.ingest-replicate/mirror.json'), 'utf8')) as { inode: string };
  if (inode === '' || foldingMount(source) === undefined)
    return t.skip('no vfat and no NTFS was mounted, or this directory is on such a filesystem: nothing was tested');
  writeFileSync(join(source, 'b'), 'x');
  assert.equal(await refused(once()), 'source_replaced');
  assert.deepEqual(readdirSync(dest).sort(), ['.ingest-replicate', 'a']);
  await once({ adopt: true });
  unmount(source);
  assert.equal(await refused(once()), 'source_missing');
});

test('after the clock was set back a change is found that left size and mtime as they were', async (t) => {
  const { source, dest, once } = mirrorWorld(t);
  writeFileSync(join(source, 'f'), 'aaaa');
  utimesSync(join(source, 'f'), 1, 1);
  await once();
  const marker = join(dest, '.ingest-replicate/mirror.json');
  const ahead = { ...JSON.parse(readFileSync(marker, 'utf8')), sinceMs: Date.now() + 3_600_000 };
  writeFileSync(marker, JSON.stringify(ahead));
  writeFileSync(join(source, 'f'), 'bbbb');
  utimesSync(join(source, 'f'), 1, 1);
  // As long after the change as two clocks may differ.
  await new Promise((resolve) => setTimeout(resolve, limits.clockMs + 100));
  await once();
  assert.equal(readFileSync(join(dest, 'f'), 'utf8'), 'bbbb');
});

test('a missing mount, of SOURCE or below it, removes nothing in DEST', needsMounts, async (t) => {
  const { source, dest, once, told } = mirrorWorld(t);
  tmpfsMount(source);
  mkdirSync(join(source, 'sub'));
  tmpfsMount(join(source, 'sub'));
  writeFileSync(join(source, 'a'), 'upper');
  writeFileSync(join(source, 'sub/b'), 'below');
  await once();
  assertAlike(source, dest);
  unmount(join(source, 'sub'));
  const { unmirrored } = await once();
  assert.deepEqual(
    unmirrored.map(({ path, code }) => [path, code]),
    [['sub', 'mount_missing']],
  );
  assert(told.some(({ event, path }) => event === 'replica_failed' && path === 'sub'));
  rmSync(join(source, 'sub'), { recursive: true });
  await once();
  assert.equal(readFileSync(join(dest, 'sub/b'), 'utf8'), 'below');
  unmount(source);
  writeFileSync(join(source, 'stray'), 'in the mount point');
  assert.equal(await refused(once()), 'source_missing');
  assert.deepEqual(readdirSync(dest).sort(), ['.ingest-replicate', 'a', 'sub']);
  await once({ adopt: true });
  assert.deepEqual(readdirSync(dest).sort(), ['.ingest-replicate', 'stray']);
});

test('a mount below SOURCE that is detached within a batch removes nothing', needsMounts, async (t) => {
  const { root, source, dest, once, told } = mirrorWorld(t);
  const [sub, changeLog] = [join(source, 'sub'), join(root, 'changes.db')];
  tmpfsMount(sub);
  mkdirSync(join(sub, 'z'));
  writeFileSync(join(sub, 'z/file'), 'below');
  await once({ changeLog });
  execFileSync('mkfifo', [join(sub, 'a')]);
  const log = await createChangeLog({ path: changeLog });
  const put = (key: string) => ({ key, operation: 'put' as const, timestamp: new Date() });
  await log.record([put('sub/a'), put('sub/z/file')]);
  await log.close();
  let detached = false;
  const emit = (event: string, fields: object = {}) => {
    told.push({ ...fields, event });
    // The mirror has `sub` open now.
    if (event === 'replica_special') detached = unmount(sub);
  };
  const { unmirrored } = await once({ changeLog, emit });
  assert(detached);
  assert(unmirrored.every(({ code }) => code === 'mount_missing'));
  assert.equal(readFileSync(join(dest, 'sub/z/file'), 'utf8'), 'below');
});

test('a folder of an ingestor is mirrored without its marker, again and again', async (t) => {
  const { source, dest, once } = mirrorWorld(t);
  writeFileSync(join(source, '.ingest-root'), '{}');
  writeFileSync(join(source, 'a'), '1');
  for (let time = 1; time <= 2; time++) await once();
  assert.deepEqual(readdirSync(dest).sort(), ['.ingest-replicate', 'a']);
  writeFileSync(join(dest, '.ingest-root'), '{}');
  assert.equal(await refused(once()), 'dest_is_a_root');
});

for (const what of ['an empty folder', 'the DEST of another mirror'] as const) {
  test(`a DEST that is ${what} by now is not written to`, async (t) => {
    const { root, source, dest, follow, once, alike, heard, told } = mirrorWorld(t);
    const [other, theirs, away] = [join(root, 'other'), join(root, 'theirs'), join(root, 'away')];
    for (const place of [other, theirs]) mkdirSync(place);
    writeFileSync(join(theirs, 'precious'), 'not ours');
    if (what !== 'an empty folder') await once({ source: theirs, dest: other });
    const before = tree(other);
    const mirror = await follow({ changeLog: join(root, 'changes.db') });
    renameSync(dest, away);
    renameSync(other, dest);
    const isMissing = () => told.some(({ event }) => event === 'dest_missing');
    const isUntouched = () => isDeepStrictEqual(tree(dest), before);
    writeFileSync(join(source, 'a'), 'x');
    await until('it was asked for', () => isMissing() || !isUntouched());
    assert.deepEqual(tree(dest), before);
    assert.equal((await heard('dest_missing')).code, 'no_marker');
    const { behind } = mirror.status();
    writeFileSync(join(source, 'b'), 'x');
    await until('it is asked for again', () => mirror.status().behind > behind);
    await stays('nothing of it is touched', isUntouched, 300);
    renameSync(dest, other);
    renameSync(away, dest);
    await heard('dest_back');
    await alike();
  });
}

test('a full DEST is logged once, waited for, and continues when there is room', needsMounts, async (t) => {
  const { root, source, dest, follow, alike, heard, told } = mirrorWorld(t);
  tmpfsMount(dest, { size: '4m' });
  writeFileSync(join(source, 'small'), 'x');
  writeFileSync(join(source, 'first'), Buffer.alloc(3 << 20, 1));
  await follow({ changeLog: join(root, 'changes.db') });
  await alike();
  writeFileSync(join(source, 'second'), Buffer.alloc(2 << 20, 2));
  assert.equal((await heard('replica_waiting')).code, 'ENOSPC');
  assert.deepEqual(leftOver(dest), []);
  assert(statfsSync(dest).bavail > 0);
  // Removals continue meanwhile, and make room.
  unlinkSync(join(source, 'first'));
  await alike();
  await heard('replica_goes_on');
  assert.equal(told.filter(({ event }) => event === 'replica_waiting').length, 1);
});

test(
  'once: a full DEST is waited for until all is there, also more files than are kept to be tried again',
  needsMounts,
  async (t) => {
    const { root, source, dest, once, heard, told } = mirrorWorld(t);
    tmpfsMount(dest);
    for (let n = 0; n < limits.retriesMax + 300; n++) writeFileSync(join(source, `${n}`), 'x');
    const empty = fill(dest, 100);
    const done = once({ changeLog: join(root, 'changes.db') });
    await heard('replica_scan_done');
    empty();
    assert.deepEqual((await done).unmirrored, []);
    assert(
      told.some(({ code }) => code === 'ENOSPC'),
      'DEST was full',
    );
    assertAlike(source, dest);
  },
);

test(
  'a full change log is reported, a full scan finds what it lacks, and others get every change when it has room',
  needsMounts,
  async (t) => {
    const { root, source, follow, alike, heard } = mirrorWorld(t);
    const disk = tmpfsMount(join(root, 'disk'), { size: '1m' });
    const path = join(disk, 'changes.db');
    const log = await createChangeLog({ path });
    t.after(() => log.close());
    const { seq } = await log.register('indexer');
    await follow({ changeLog: path });
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'filling'), Buffer.alloc(bavail * bsize));
    const names = Array.from({ length: 200 }, (_, n) => `${n}`.padEnd(250, 'x'));
    for (const name of names) writeFileSync(join(source, name), 'x');
    assert.equal((await heard('replica_log_failing')).code, 'change_log_full');
    await alike();
    rmSync(join(disk, 'filling'));
    writeFileSync(join(source, 'again'), 'told');
    await alike();
    await until('others have all of them', async () => {
      const told = new Set((await log.since(seq)).map(({ key }) => key.toString()));
      return ['again', ...names].every((name) => told.has(name));
    });
  },
);

test('a file that can never fit is named, and keeps no other one waiting', needsMounts, async (t) => {
  const { root, source, dest, once, told } = mirrorWorld(t);
  tmpfsMount(dest, { size: '4m' });
  writeFileSync(join(source, 'a'), Buffer.alloc(8 << 20, 1));
  writeFileSync(join(source, 'b'), 'fits');
  writeFileSync(join(source, 'holes'), '');
  truncateSync(join(source, 'holes'), 1 << 30);
  const { unmirrored } = await once({ changeLog: join(root, 'changes.db') });
  assert.deepEqual(
    unmirrored.map(({ path, code }) => [path, code]),
    [['a', 'too_large']],
  );
  assert.equal(readFileSync(join(dest, 'b'), 'utf8'), 'fits');
  assert.equal(statSync(join(dest, 'holes')).size, 1 << 30);
  assert(!told.some(({ event }) => event === 'replica_waiting'));
});

test('--no-delete removes nothing, and names what it therefore cannot mirror', async (t) => {
  const { source, dest, once } = mirrorWorld(t);
  mkdirSync(join(source, 'x'));
  writeFileSync(join(source, 'x/below'), '1');
  writeFileSync(join(source, 'gone'), '2');
  await once();
  rmSync(join(source, 'x'), { recursive: true });
  writeFileSync(join(source, 'x'), 'a file now');
  unlinkSync(join(source, 'gone'));
  const { unmirrored } = await once({ delete: false });
  assert.deepEqual(
    unmirrored.map(({ path, code }) => [path, code]),
    [['x', 'kept']],
  );
  assert.equal(readFileSync(join(dest, 'x/below'), 'utf8'), '1');
  assert.equal(readFileSync(join(dest, 'gone'), 'utf8'), '2');
  await once();
  assertAlike(source, dest);
});

test('files that the filters leave out are neither copied nor removed, not even with their directory', async (t) => {
  const { source, dest, once, follow } = mirrorWorld(t);
  mkdirSync(join(source, 'd'));
  writeFileSync(join(source, 'd/a.csv'), '1');
  writeFileSync(join(source, 'd/a.log'), '1');
  await once({ exclude: ['*.log'] });
  assert.deepEqual(readdirSync(join(dest, 'd')), ['a.csv']);
  writeFileSync(join(dest, 'd/theirs.log'), 'put there by others');
  await once({ exclude: ['*.log'] });
  assert(existsSync(join(dest, 'd/theirs.log')));
  const mirror = await follow({ exclude: ['*.log'], allowEmptySource: true });
  rmSync(join(source, 'd'), { recursive: true });
  await until('what is not left out is gone', () => !existsSync(join(dest, 'd/a.csv')));
  mirror.stop();
  await mirror.done;
  assert.deepEqual(readdirSync(join(dest, 'd')), ['theirs.log']);
  mkdirSync(join(source, 'e'));
  writeFileSync(join(source, 'e/b.csv'), '1');
  writeFileSync(join(source, 'e/b.txt'), '1');
  await once({ include: ['*.csv'] });
  assert.deepEqual(readdirSync(join(dest, 'e')), ['b.csv']);
});

test('--checksum finds what has the same size and mtime, and writes nothing where the content is the same', async (t) => {
  const { source, dest, once } = mirrorWorld(t);
  writeFileSync(join(source, 'a'), 'good');
  writeFileSync(join(source, 'b'), 'same');
  utimesSync(join(source, 'a'), 1_000_000_000, 1_000_000_000);
  await once();
  utimesSync(join(source, 'b'), 1_000_000_000, 1_000_000_000);
  assert.equal((await once({ delete: false })).totals.copied, 1, 'b has another mtime');
  writeFileSync(join(dest, 'a'), 'evil');
  utimesSync(join(dest, 'a'), 1_000_000_000, 1_000_000_000);
  utimesSync(join(source, 'b'), 1_100_000_000, 1_100_000_000);
  const { totals } = await once({ checksum: true });
  assert.deepEqual([totals.copied, totals.touched], [1, 1]);
  assertAlike(source, dest);
});

test('the next mirror removes the unfinished files of one that died', async (t) => {
  const { source, dest, once } = mirrorWorld(t);
  writeFileSync(join(source, 'a'), 'x');
  await once();
  const making = join(dest, '.ingest-replicate/making');
  mkdirSync(join(making, '7.aside/deep'), { recursive: true });
  writeFileSync(join(making, '7.aside/deep/f'), 'half');
  symlinkSync(source, join(making, '8.link'));
  await once();
  assert.deepEqual(leftOver(dest), []);
  assertAlike(source, dest);
});
