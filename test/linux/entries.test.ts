import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  makeDirectoryAt,
  nameOfText,
  removeDirectoryAt,
  renameNoReplace,
  statAt,
  unlinkAt,
} from '../../src/linux/index.js';
import { directoryFor, openPath } from './support.js';

const n = nameOfText;

test('a move keeps the inode and never overwrites', (t) => {
  const path = directoryFor(t);
  mkdirSync(join(path, 'to'));
  writeFileSync(join(path, 'a'), 'a');
  writeFileSync(join(path, 'to/taken'), 'b');
  const [from, to] = [openPath(path), openPath(join(path, 'to'))];
  const before = statAt(from, n('a')).ino;
  assert.throws(() => renameNoReplace(from, n('a'), to, n('taken')), { code: 'EEXIST', call: 'renameat2', path: 'a' });
  assert.equal(readFileSync(join(path, 'to/taken'), 'utf8'), 'b');
  renameNoReplace(from, n('a'), to, n('free'));
  assert.equal(statAt(to, n('free')).ino, before);
  assert.equal(existsSync(join(path, 'a')), false);
});

test('a move to another filesystem is EXDEV and changes nothing', (t) => {
  if (!existsSync('/dev/shm')) return t.skip('no /dev/shm: EXDEV was not tested');
  const [path, other] = [directoryFor(t), directoryFor(t, '/dev/shm')];
  if (statSync(path).dev === statSync(other).dev) return t.skip('one filesystem only: EXDEV was not tested');
  writeFileSync(join(path, 'a'), 'a');
  assert.throws(() => renameNoReplace(openPath(path), n('a'), openPath(other), n('a')), { code: 'EXDEV' });
  assert.equal(readFileSync(join(path, 'a'), 'utf8'), 'a');
});

test('directories are made with their mode and removed only when empty', (t) => {
  const path = directoryFor(t);
  const dir = openPath(path);
  makeDirectoryAt(dir, n('d'), 0o700);
  assert.equal(statAt(dir, n('d')).mode, 0o700);
  writeFileSync(join(path, 'd/file'), '');
  assert.throws(() => makeDirectoryAt(dir, n('d'), 0o700), { code: 'EEXIST', call: 'mkdirat' });
  assert.throws(() => removeDirectoryAt(dir, n('d')), { code: 'ENOTEMPTY' });
  assert.throws(() => unlinkAt(dir, n('d')), { code: 'EISDIR' });
  unlinkAt(dir, n('d/file'));
  removeDirectoryAt(dir, n('d'));
  assert.equal(existsSync(join(path, 'd')), false);
});
