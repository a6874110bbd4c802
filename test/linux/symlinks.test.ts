/**
 * Symlinks as names, never followed; times in nanoseconds; the one rename that replaces.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type ByteName,
  makeSymlinkAt,
  nameOfText,
  readLinkAt,
  renameReplacing,
  setOwnerAt,
  setTimesAt,
  unlinkAt,
} from '../../src/linux/index.js';
import { directoryFor, isRoot, openPath } from './support.js';

const name = nameOfText;

test('a symlink keeps the bytes of its target, also what is no text and what is as long as can be', (t) => {
  const root = directoryFor(t);
  const dir = openPath(root);
  t.after(() => fs.closeSync(dir));
  for (const target of ['x', '../nowhere', '\xff\xfe\x01', `/${'d/'.repeat(2_046)}`] as ByteName[]) {
    makeSymlinkAt(target, dir, name('link'));
    assert.equal(readLinkAt(dir, name('link')), target);
    assert.equal(fs.readlinkSync(join(root, 'link'), 'latin1'), target);
    unlinkAt(dir, name('link'));
  }
  makeSymlinkAt(name('x'), dir, name('link'));
  assert.throws(() => makeSymlinkAt(name('y'), dir, name('link')), { code: 'EEXIST' });
  assert.throws(() => makeSymlinkAt('x'.repeat(4_096) as ByteName, dir, name('long')), { code: 'ENAMETOOLONG' });
  fs.writeFileSync(join(root, 'file'), '');
  assert.throws(() => readLinkAt(dir, name('file')), { code: 'EINVAL' });
  assert.throws(() => readLinkAt(dir, name('none')), { code: 'ENOENT' });
});

test('times and owner are those of the symlink, not of where it leads', (t) => {
  const root = directoryFor(t);
  const dir = openPath(root);
  t.after(() => fs.closeSync(dir));
  fs.writeFileSync(join(root, 'file'), '');
  fs.symlinkSync('file', join(root, 'link'));
  const before = fs.statSync(join(root, 'file'), { bigint: true });
  setTimesAt(dir, name('link'), 1_000_000_000_000_000_001n, -1n);
  if (isRoot) setOwnerAt(dir, name('link'), 1_234, 2_345);
  const link = fs.lstatSync(join(root, 'link'), { bigint: true });
  assert.deepEqual([link.atimeNs, link.mtimeNs], [1_000_000_000_000_000_001n, -1n]);
  if (isRoot) assert.deepEqual([link.uid, link.gid], [1_234n, 2_345n]);
  assert.deepEqual(fs.statSync(join(root, 'file'), { bigint: true }), before);
  assert.throws(() => setTimesAt(dir, name('none'), 0n, 0n), { code: 'ENOENT' });
});

test('a rename that replaces takes the place of a file or symlink, and never of a directory with content', (t) => {
  const root = directoryFor(t);
  const dir = openPath(root);
  t.after(() => fs.closeSync(dir));
  const put = (path: string) => fs.writeFileSync(join(root, path), path);
  put('a');
  put('b');
  renameReplacing(dir, name('a'), dir, name('b'));
  assert.equal(fs.readFileSync(join(root, 'b'), 'utf8'), 'a');
  fs.symlinkSync('b', join(root, 'link'));
  put('c');
  renameReplacing(dir, name('c'), dir, name('link'));
  assert.equal(fs.readFileSync(join(root, 'b'), 'utf8'), 'a');
  assert(fs.lstatSync(join(root, 'link')).isFile());
  fs.mkdirSync(join(root, 'd'));
  put('d/e');
  assert.throws(() => renameReplacing(dir, name('b'), dir, name('d')), { code: 'EISDIR' });
  fs.mkdirSync(join(root, 'f'));
  assert.throws(() => renameReplacing(dir, name('f'), dir, name('d')), { code: 'ENOTEMPTY' });
});
