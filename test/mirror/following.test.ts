/**
 * Changes of SOURCE are in DEST at once: each kind of file, each kind of change.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createChangeLog } from '../../src/change-log/index.js';
import { isRoot } from '../world/users.js';
import { stays, until } from '../world/waiting.js';
import { BLOCK_BYTES, block, judge } from './judge.js';
import { assertAlike, leftOver, mirrorWorld } from './mirror-world.js';

test('files are made, written, cut, replaced and removed', async (t) => {
  const { source, follow, alike } = mirrorWorld(t);
  writeFileSync(join(source, 'before'), 'was there');
  await follow();
  await alike();
  writeFileSync(join(source, 'a'), 'one');
  await alike();
  appendFileSync(join(source, 'a'), 'two');
  await alike();
  truncateSync(join(source, 'a'), 2);
  await alike();
  writeFileSync(join(source, 'new'), 'replaces');
  renameSync(join(source, 'new'), join(source, 'a'));
  await alike();
  unlinkSync(join(source, 'before'));
  await alike();
});

test('directories come and go, empty ones too, with all below them', async (t) => {
  const { source, dest, follow, alike } = mirrorWorld(t);
  await follow({ allowEmptySource: true });
  mkdirSync(join(source, 'a/b/c/d'), { recursive: true });
  writeFileSync(join(source, 'a/b/c/d/e'), 'deep');
  mkdirSync(join(source, 'empty'));
  await alike();
  assert(statSync(join(dest, 'empty')).isDirectory());
  rmSync(join(source, 'a'), { recursive: true });
  rmdirSync(join(source, 'empty'));
  await alike();
  assert.deepEqual(leftOver(dest), []);
});

test('a renamed file or tree is renamed in DEST: its bytes are not copied again', async (t) => {
  const { source, dest, follow, alike } = mirrorWorld(t);
  mkdirSync(join(source, 'tree/below'), { recursive: true });
  for (let n = 0; n < 20; n++) writeFileSync(join(source, 'tree/below', `f${n}`), `content ${n}`);
  writeFileSync(join(source, 'file'), 'moves');
  const mirror = await follow();
  await alike();
  const inode = (path: string) => statSync(join(dest, path)).ino;
  const before = { file: inode('file'), below: inode('tree/below/f7'), copied: mirror.status().totals.copied };
  renameSync(join(source, 'file'), join(source, 'tree/moved'));
  await alike();
  assert.equal(inode('tree/moved'), before.file);
  renameSync(join(source, 'tree'), join(source, 'other'));
  await alike();
  assert.equal(inode('other/below/f7'), before.below);
  assert.equal(mirror.status().totals.copied, before.copied);
  assert(mirror.status().totals.moved >= 2);
});

test('names that are exchanged, chained or written just before they move end where they belong', async (t) => {
  const { source, follow, alike } = mirrorWorld(t);
  for (const name of ['a', 'b', 'c']) writeFileSync(join(source, name), name.repeat(10));
  utimesSync(join(source, 'c'), 1_000_000_000, 1_000_000_000);
  await follow();
  await alike();
  const move = (from: string, to: string) => renameSync(join(source, from), join(source, to));
  move('a', 't');
  move('b', 'a');
  move('t', 'b');
  await alike();
  move('a', 'x');
  move('x', 'y');
  move('y', 'z');
  await alike();
  // Same size and mtime as before: only the event shows that it has changed.
  writeFileSync(join(source, 'c'), 'C'.repeat(10));
  utimesSync(join(source, 'c'), 1_000_000_000, 1_000_000_000);
  move('c', 'd');
  await alike();
});

test('a file becomes a directory and a directory a file, a symlink and back', async (t) => {
  const { source, follow, alike } = mirrorWorld(t);
  writeFileSync(join(source, 'x'), 'file');
  await follow();
  await alike();
  unlinkSync(join(source, 'x'));
  mkdirSync(join(source, 'x/y'), { recursive: true });
  writeFileSync(join(source, 'x/y/z'), 'below');
  await alike();
  rmSync(join(source, 'x'), { recursive: true });
  writeFileSync(join(source, 'x'), 'file again');
  await alike();
  unlinkSync(join(source, 'x'));
  symlinkSync('nowhere', join(source, 'x'));
  await alike();
  unlinkSync(join(source, 'x'));
  mkdirSync(join(source, 'x'));
  await alike();
});

test('symlinks stay symlinks, wherever they lead; hard links become files', async (t) => {
  const { root, source, dest, follow, alike } = mirrorWorld(t);
  writeFileSync(join(root, 'outside'), 'not to be touched');
  await follow();
  symlinkSync('../outside', join(source, 'out'));
  symlinkSync('.', join(source, 'loop'));
  symlinkSync(Buffer.from([0x78, 0xff, 0xfe]), join(source, 'bytes'));
  writeFileSync(join(source, 'one'), 'linked');
  linkSync(join(source, 'one'), join(source, 'two'));
  lutimesSync(join(source, 'out'), 1_000_000_000, 1_000_000_000);
  await alike();
  unlinkSync(join(source, 'out'));
  symlinkSync('../elsewhere', join(source, 'out'));
  await alike();
  assert.equal(readFileSync(join(root, 'outside'), 'utf8'), 'not to be touched');
  assert.notEqual(statSync(join(dest, 'one')).ino, statSync(join(dest, 'two')).ino);
});

test('every name that Linux allows, to its last byte', async (t) => {
  const { source, follow, alike } = mirrorWorld(t);
  await follow();
  const at = (name: Buffer | string) => Buffer.concat([Buffer.from(`${source}/`), Buffer.from(name)]);
  for (const name of [
    'x'.repeat(255),
    Buffer.from([0xff, 0xfe, 0x41]),
    'new\nline',
    '.hidden',
    'a~',
    'b.tmp',
    ' ',
    '-rf',
  ]) {
    writeFileSync(at(name), 'content');
  }
  mkdirSync(at(Buffer.from([0xc3, 0x28])));
  writeFileSync(at(Buffer.concat([Buffer.from([0xc3, 0x28]), Buffer.from('/ü')])), 'below');
  await alike();
});

test('mode, owner and times are those of SOURCE; if only they changed, a check finds that', async (t) => {
  const { source, dest, once } = mirrorWorld(t);
  mkdirSync(join(source, 'd'));
  writeFileSync(join(source, 'd/f'), 'x');
  chmodSync(join(source, 'd/f'), 0o4751);
  chmodSync(join(source, 'd'), 0o555);
  if (isRoot) chownSync(join(source, 'd'), 1_234, 2_345);
  utimesSync(join(source, 'd'), 1_000_000_000.25, 1_000_000_000.25);
  await once();
  assertAlike(source, dest);
  const { ino } = lstatSync(join(dest, 'd/f'));
  chmodSync(join(source, 'd/f'), 0o600);
  chmodSync(join(source, 'd'), 0o700);
  const { totals } = await once();
  assertAlike(source, dest);
  assert.equal(lstatSync(join(dest, 'd/f')).ino, ino);
  assert.deepEqual([totals.copied, totals.touched], [0, 1]);
  assert.deepEqual((await once()).totals, { ...totals, touched: 0 });
});

test('FIFOs are logged and left; a file that becomes one is removed', async (t) => {
  const { source, dest, follow, alike, heard } = mirrorWorld(t);
  writeFileSync(join(source, 'x'), 'file');
  await follow();
  await alike();
  unlinkSync(join(source, 'x'));
  assert.equal(spawnSync('mkfifo', [join(source, 'x')]).status, 0);
  assert.equal((await heard('replica_special')).path, 'x');
  await until('the file is gone', () => lstatSync(join(dest, 'x'), { throwIfNoEntry: false }) === undefined);
});

test('a file that grows for ever keeps its last whole state, and is copied when it rests', async (t) => {
  const { source, dest, follow, alike, heard } = mirrorWorld(t);
  const mirror = await follow();
  writeFileSync(join(source, 'log'), 'whole');
  await alike();
  const timer = setInterval(() => appendFileSync(join(source, 'log'), 'more'), 1);
  t.after(() => clearInterval(timer));
  const { path, code } = await heard('replica_failed');
  assert.deepEqual([path, code], ['log', 'changing']);
  assert.equal(mirror.status().unmirrored, 1);
  assert.match(readFileSync(join(dest, 'log'), 'utf8'), /^whole(more)*$/);
  clearInterval(timer);
  await alike();
  await heard('replica_healed');
});

test('a file that is overwritten while it is copied is seen before or after, never as half of each', async (t) => {
  const { source, dest, follow, alike } = mirrorWorld(t);
  const [from, to] = [join(source, 'x.blocks'), join(dest, 'x.blocks')];
  writeFileSync(from, '');
  await follow();
  await alike();
  const fd = openSync(from, 'r+');
  t.after(() => closeSync(fd));
  const isWhole = () => judge(to, readFileSync(to)) === undefined;
  for (let version = 1; version <= 12; version++) {
    for (let index = 0; index < 600; index++) {
      writeSync(fd, block(version, index), 0, BLOCK_BYTES, index * BLOCK_BYTES);
      if (index % 40 === 39) await stays('every state in DEST is one of SOURCE', isWhole, 3);
    }
    await alike();
  }
});

test('a large file is copied beside everything else, and gives way to a rename of its directory', async (t) => {
  const { source, dest, follow, alike } = mirrorWorld(t);
  const mirror = await follow();
  mkdirSync(join(source, 'd'));
  writeFileSync(join(source, 'd/large'), Buffer.alloc(48 << 20, 7));
  await until('it is under way', () => mirror.status().largeUnderWay === 1);
  writeFileSync(join(source, 'd/small'), 'small');
  renameSync(join(source, 'd'), join(source, 'e'));
  await alike();
  assert.deepEqual(leftOver(dest), []);
});

test('--checksum copies no large file whose content is the same', async (t) => {
  const { source, dest, once } = mirrorWorld(t);
  writeFileSync(join(source, 'large'), Buffer.alloc(17 << 20, 1));
  await once();
  utimesSync(join(source, 'large'), 1_000_000_000, 1_000_000_000);
  const { totals } = await once({ checksum: true });
  assert.deepEqual([totals.copied, totals.touched], [0, 1]);
  assertAlike(source, dest);
});

test('a file that is replaced by another one, as editors do it, is moved over it', async (t) => {
  const { source, dest, follow, alike } = mirrorWorld(t);
  writeFileSync(join(source, 'a'), 'old');
  writeFileSync(join(source, 'new'), 'newer');
  const mirror = await follow();
  await alike();
  const { ino } = statSync(join(dest, 'new'));
  const { copied } = mirror.status().totals;
  renameSync(join(source, 'new'), join(source, 'a'));
  await alike();
  assert.equal(statSync(join(dest, 'a')).ino, ino);
  assert.equal(mirror.status().totals.copied, copied);
});

test('others may read the change log beside the mirror', async (t) => {
  const { root, source, follow, alike } = mirrorWorld(t);
  const path = join(root, 'changes.db');
  const log = await createChangeLog({ path });
  t.after(() => log.close());
  const { seq } = await log.register('indexer');
  await follow({ changeLog: path });
  writeFileSync(join(source, 'a'), 'told');
  await alike();
  const changes = await until('it is in the log', async () => {
    const all = await log.since(seq);
    return all.length > 0 && all;
  });
  assert(changes.some(({ key, operation }) => key.toString() === 'a' && operation === 'put'));
});
