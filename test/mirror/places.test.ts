/**
 * DEST goes and comes back, is part of SOURCE through a bind mount, or SOURCE becomes a symlink: nothing is written to
 * the wrong directory.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bindMount, foldingMount, imageMount, loopMount, overlayMount, unmount } from '../world/mounts.js';
import type { Program } from '../world/program.js';
import { isRoot } from '../world/users.js';
import { stays, until } from '../world/waiting.js';
import { type CommandWorld, commandWorld, heard, heardOf } from './by-command.js';

const skip = isRoot ? false : 'not root: no filesystem was mounted or unmounted';

/** DEST on its own filesystem. Returns how to mount it again. */
function destOnDisk({ root, dest }: CommandWorld): { leave: () => void; comeBack: () => void } {
  const image = join(root, 'dest.image');
  loopMount(dest);
  renameSync(`${dest}.img`, image);
  return { leave: () => void unmount(dest), comeBack: () => void imageMount(dest, image) };
}

test('a DEST that is unmounted is waited for, nothing is written into its place, and it goes on when it is back', {
  skip,
}, async (t) => {
  const world = commandWorld(t);
  const { source, dest, follow, alike } = world;
  const disk = destOnDisk(world);
  mkdirSync(join(source, 'd'));
  for (const name of ['kept', 'goes', 'd/renamed']) writeFileSync(join(source, name), 'before');
  const mirror = await follow();
  for (let round = 1; round <= 2; round++) {
    await alike(mirror);
    disk.leave();
    writeFileSync(join(source, `new${round}`), 'while it was away');
    const { code, reason, severity } = await heard(mirror, 'dest_missing', round);
    assert.deepEqual([code, severity], ['no_marker', 'error']);
    assert.match(String(reason), /not mounted/);
    writeFileSync(join(source, 'kept'), 'second');
    if (round === 1) renameSync(join(source, 'd'), join(source, 'e'));
    // The mirror checks every two seconds.
    await stays('nothing is in the mount point', () => mirror.running && readdirSync(dest).length === 0, 2_500);
    disk.comeBack();
    await heard(mirror, 'dest_back', round);
    await alike(mirror);
    writeFileSync(join(source, 'after'), `round ${round}`);
    await alike(mirror);
  }
  assert.deepEqual(heardOf(mirror, 'replica_log_failing'), []);
  assert.equal(heardOf(mirror, 'dest_missing').length, 2);
  assert.equal((await mirror.stop()).code, 0);
});

/** The open files of a process; a descriptor may be closed while they are read. */
const openIn = ({ pid }: Program): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return [];
    }
  });

test('while DEST is away nothing of it is held open, a signal ends the mirror, and another filesystem is not taken for it', {
  skip,
}, async (t) => {
  const world = commandWorld(t);
  const { source, dest, follow, run } = world;
  destOnDisk(world);
  writeFileSync(join(source, 'a'), 'x');
  const mirror = await follow();
  unmount(dest);
  writeFileSync(join(source, 'b'), 'x');
  await heard(mirror, 'dest_missing');
  await until('it is let go', () => !openIn(mirror).some((path) => path.includes('.ingest-replicate/')));
  loopMount(dest);
  writeFileSync(join(source, 'c'), 'x');
  // It looks again after two seconds.
  await stays('it is not taken', () => mirror.running && readdirSync(dest).join() === 'lost+found', 2_500);
  const { code } = await mirror.stop();
  assert.equal(code, 0);
  assert.equal((await run('--once')).code, 0, 'a new start takes an empty one');
});

test('--once says that DEST is away, with a code of its own', { skip }, async (t) => {
  const world = commandWorld(t);
  const { source, dest, run } = world;
  destOnDisk(world);
  writeFileSync(join(source, 'a'), 'x');
  assert.equal((await run('--once')).code, 0);
  // The mirror waits for room, and DEST goes meanwhile.
  writeFileSync(join(dest, '.ingest-replicate/filler'), Buffer.alloc(40 << 20));
  writeFileSync(join(source, 'large'), Buffer.alloc(30 << 20));
  const once = world.start('--once');
  await heard(once, 'replica_waiting');
  unmount(dest);
  const { code, stderr } = await once.ended;
  assert.equal(code, 3, stderr);
  assert.match(stderr, /DEST must stay the folder that was claimed, .*not mounted/);
  assert.deepEqual(readdirSync(dest), []);
});

test('a DEST that a bind mount makes a part of SOURCE, or SOURCE one of DEST, is refused in every way to start', {
  skip,
}, async (t) => {
  const { root, source, dest, run } = commandWorld(t);
  mkdirSync(join(source, 'inner/deep'), { recursive: true });
  writeFileSync(join(source, 'inner/a'), 'x');
  const refused = async (what: string) => {
    for (const how of [['--once'], ['--dry-run'], ['--adopt'], []]) {
      const { code, stderr } = await run(...how);
      assert.equal(code, 2, `${what} ${how}: ${stderr}`);
      assert.match(stderr, /SOURCE and DEST must be separate directories, .*bind mount/);
    }
  };
  bindMount(join(source, 'inner/deep'), dest);
  await refused('DEST is a folder of SOURCE');
  unmount(dest);
  bindMount(source, dest);
  await refused('DEST is SOURCE');
  unmount(dest);
  mkdirSync(join(dest, 'inner'));
  bindMount(join(dest, 'inner'), source);
  await refused('SOURCE is a folder of DEST');
  unmount(source);
  bindMount(join(dest, 'inner'), join(source, 'inner/deep'));
  await refused('a folder of SOURCE is one of DEST');
  unmount(join(source, 'inner/deep'));
  assert.deepEqual(readdirSync(dest), ['inner']);
  // Two folders of one filesystem that is mounted twice do not overlap.
  mkdirSync(join(root, 'mounted'));
  bindMount(dest, join(root, 'mounted'));
  assert.equal((await run('--once', '--adopt')).code, 0);
  unmount(join(root, 'mounted'));
});

test('a folder of DEST that is mounted in SOURCE later is left out and named', { skip }, async (t) => {
  const { source, dest, run, follow, alike } = commandWorld(t);
  mkdirSync(join(source, 'a/b'), { recursive: true });
  writeFileSync(join(source, 'a/file'), 'x');
  const mirror = await follow('--scan-interval-seconds', '0.5');
  await alike(mirror);
  // If it were copied, it would contain itself.
  bindMount(join(dest, 'a'), join(source, 'a/b'));
  const { path, code } = await heard(mirror, 'replica_failed');
  assert.deepEqual([path, code], ['a/b', 'overlap']);
  const scans = heardOf(mirror, 'replica_scan_done').length;
  await heard(mirror, 'replica_scan_done', scans + 2);
  assert.deepEqual(readdirSync(join(dest, 'a')).sort(), ['b', 'file']);
  assert.deepEqual(readdirSync(join(dest, 'a/b')), []);
  unmount(join(source, 'a/b'));
  writeFileSync(join(source, 'a/b/later'), 'x');
  await alike(mirror);
  await mirror.stop();
  assert.equal((await run('--once')).code, 0);
});

test('events below a folder of DEST that is mounted in SOURCE are ignored, and the folder is logged', {
  skip,
}, async (t) => {
  const { source, dest, follow, alike } = commandWorld(t);
  mkdirSync(join(source, 'a/b'), { recursive: true });
  mkdirSync(join(source, 'shown'));
  writeFileSync(join(source, 'shown/file'), 'x');
  const mirror = await follow();
  await alike(mirror);
  bindMount(join(dest, 'shown'), join(source, 'a/b'));
  // Changes below it cause events.
  renameSync(join(source, 'a'), join(source, 'c'));
  try {
    const refused = () => heardOf(mirror, 'replica_failed').find(({ path }) => path === 'c/b/file');
    await until('it was dealt with', () => refused() !== undefined || existsSync(join(dest, 'c/b/file')), {
      soFar: () => mirror.tail(),
    });
    assert(!existsSync(join(dest, 'c/b/file')));
    assert.equal(refused()?.code, 'overlap');
  } finally {
    // The path of the mount, known to the cleanup.
    renameSync(join(source, 'c'), join(source, 'a'));
  }
});

for (const ground of ['a filesystem that knows its directories again', 'an overlay, which does not']) {
  test(`a SOURCE that becomes a symlink to another directory empties nothing, on ${ground}`, { skip }, async (t) => {
    const lay = (root: string) =>
      join(ground.startsWith('an overlay') ? overlayMount(join(root, 'disk')) : root, 'source');
    const { source, dest, follow, alike } = commandWorld(t, lay);
    const other = join(source, '../other');
    mkdirSync(other);
    writeFileSync(join(source, 'kept'), 'x');
    writeFileSync(join(other, 'another'), 'x');
    const mirror = await follow('--scan-interval-seconds', '0.2');
    await alike(mirror);
    renameSync(source, `${source}.old`);
    symlinkSync(other, source);
    // Between the two renames it was missing.
    const symlink = () => heardOf(mirror, 'source_missing').find(({ code }) => code === 'ELOOP');
    assert.match(String((await until('SOURCE is a symlink', symlink)).reason), /symlink/);
    assert.deepEqual(readdirSync(dest).sort(), ['.ingest-replicate', 'kept']);
    assert.equal(readFileSync(join(dest, 'kept'), 'utf8'), 'x');
    await mirror.stop();
  });
}

test('a DEST that folds names keeps what SOURCE has under another spelling', { skip }, async (t) => {
  const { root, source, dest, run, follow } = commandWorld(t);
  if (foldingMount(dest) === undefined) return t.skip('no vfat and no NTFS that folds names: none was mounted');
  const at = (...names: string[]) => join(source, ...names);
  const log = ['--change-log', join(root, 'changes.db')];
  mkdirSync(at('Dir'));
  for (const name of ['A', 'B', 'Dir/X']) writeFileSync(at(name), name);
  const has = (path: string, content: string) => {
    const there = join(dest, path);
    return existsSync(there) && readFileSync(there, 'utf8') === content;
  };
  const hasAll = (...names: string[]) => names.every((name) => has(name, name.toUpperCase().replace('DIR', 'Dir')));
  for (let time = 1; time <= 2; time++) {
    assert.equal((await run('--once', ...log)).code, 0);
    assert(hasAll('A', 'B', 'Dir/X'), 'as at first');
  }
  for (const name of ['A', 'Dir/X', 'Dir'])
    renameSync(at(name), at(name.replace(/[^/]+$/, (last) => last.toLowerCase())));
  assert.equal((await run('--once', ...log)).code, 0);
  assert(hasAll('a', 'B', 'dir/x'), 'renamed while none ran');
  await follow(...log);
  for (const name of ['a', 'dir/x', 'dir'])
    renameSync(at(name), at(name.replace(/[^/]+$/, (last) => last.toUpperCase())));
  writeFileSync(at('last'), 'LAST');
  await until('the changes are applied', () => has('last', 'LAST'));
  unlinkSync(at('B'));
  await until('what SOURCE does not have is removed', () => !existsSync(join(dest, 'b')));
  assert(hasAll('a', 'dir/x'), 'renamed while it ran');
});

test('of two names of SOURCE that DEST takes for one, one is mirrored and the other named', { skip }, async (t) => {
  const { root, source, dest, run, follow } = commandWorld(t);
  if (foldingMount(dest) === undefined) return t.skip('no vfat and no NTFS that folds names: none was mounted');
  const at = (...names: string[]) => join(source, ...names);
  const log = ['--change-log', join(root, 'changes.db')];
  for (const folder of ['A', 'a', 'b']) mkdirSync(at(folder));
  for (const name of ['A/A', 'a/a', 'b/z', 'F', 'f']) writeFileSync(at(name), name.at(-1)!);
  const inDest = () => [...readdirSync(join(dest, 'a')), readFileSync(join(dest, 'F'), 'utf8')].join();
  const other = (name: string) => (name === name.toLowerCase() ? name.toUpperCase() : name.toLowerCase());
  const named = async () => {
    const { code, stderr } = await run('--once', ...log);
    assert.equal(code, 4);
    return [...stderr.matchAll(/text":"ingest-replicate: (\w+) is not mirrored \(folded\)/gm)]
      .map(([, name]) => name!)
      .sort();
  };
  assert.equal((await named()).length, 2);
  // NTFS may list another spelling than the one that was made.
  const held = await named();
  const [file, folder] = [held.find((name) => /f/i.test(name))!, held.find((name) => /a/i.test(name))!];
  assert.deepEqual(held, [file, folder].sort());
  const before = [other(folder), other(file)].join();
  assert.equal(inDest(), before);
  assert.deepEqual(await named(), held);
  const mirror = await follow(...log);
  const soFar = { soFar: () => `${inDest()}\n${mirror.tail()}` };
  assert.match(String(heardOf(mirror, 'replica_failed')[0]?.reason), /DEST takes it for .*, which SOURCE has too/);
  unlinkSync(at(folder, folder));
  for (const name of [`${folder}/new`, 'b/new']) writeFileSync(at(name), name);
  renameSync(at('b/z'), at('B'));
  await until('the changes are applied', () => readdirSync(join(dest, 'b')).join() === 'new', soFar);
  assert.equal(inDest(), before);
  rmSync(at(other(folder)), { recursive: true });
  unlinkSync(at(other(file)));
  await until('the others are mirrored', () => inDest() === `new,${file}`, soFar);
  await mirror.stop();
  mkdirSync(at(other(folder)));
  const leftOut = [other(folder), 'B'].flatMap((name) => ['--exclude', name]);
  assert.equal((await run('--once', ...leftOut, ...log)).code, 0);
  assert.equal(inDest(), `new,${file}`);
});

test('of two names of SOURCE for which DEST lists a third one, the first is mirrored', { skip }, async (t) => {
  const { root, source, dest, run } = commandWorld(t);
  const once = () => run('--once', '--change-log', join(root, 'changes.db'));
  if (foldingMount(dest) === undefined) return t.skip('no vfat and no NTFS that folds names: none was mounted');
  writeFileSync(join(source, 'aaa'), 'old');
  assert.equal((await once()).code, 0);
  const [listed] = readdirSync(dest).filter((name) => !name.startsWith('.'));
  const [first, last] = ['AAA', 'Aaa', 'aaa'].filter((name) => name !== listed) as [string, string];
  unlinkSync(join(source, 'aaa'));
  writeFileSync(join(source, last), 'not mirrored');
  writeFileSync(join(source, first), 'mirrored');
  for (let time = 1; time <= 2; time++) {
    const { code, stderr } = await once();
    assert.equal(code, 4);
    assert.match(stderr, new RegExp(`${last} is not mirrored \\(folded\\)`));
    assert.equal(readFileSync(join(dest, first), 'utf8'), 'mirrored');
  }
});

test('of two hard links in DEST whose names differ in case, the one that SOURCE does not have is removed', async (t) => {
  const { source, dest, run } = commandWorld(t);
  writeFileSync(join(source, 'A'), 'x');
  assert.equal((await run('--once')).code, 0);
  linkSync(join(dest, 'A'), join(dest, 'a'));
  assert.equal((await run('--once')).code, 0);
  assert.deepEqual(readdirSync(dest).sort(), ['.ingest-replicate', 'A']);
});
