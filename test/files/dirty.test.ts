/** What is made durable before a commit, also where a directory has left its path meanwhile. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Directories } from '../../src/files/directories.js';
import { DirtyDirectories } from '../../src/files/dirty.js';
import { openRoot } from '../../src/files/feed-files.js';
import type { PlaceKind } from '../../src/files/place-error.js';
import { nameOfText } from '../../src/linux/index.js';
import { folderFor } from './folder.js';

/** A folder below a root, which is put behind a symlink after a name in it was changed. */
function swapped(t: TestContext, kind: PlaceKind): DirtyDirectories {
  const path = folderFor(t);
  mkdirSync(join(path, 'sub'));
  const directories = new Directories(openRoot(path), { kind, path });
  t.after(() => directories.close());
  const dirty = new DirtyDirectories();
  dirty.add(directories, nameOfText('sub'));
  renameSync(join(path, 'sub'), join(path, 'sub.old'));
  symlinkSync('sub.old', join(path, 'sub'));
  return dirty;
}

test('a folder of an input that was swapped for a symlink keeps nobody from going on', async (t) => {
  await swapped(t, 'input').sync();
});

test('one of the warehouse is a failing place: what came to be in it is not known to be on disk', async (t) => {
  await assert.rejects(swapped(t, 'warehouse').sync(), {
    name: 'PlaceError',
    code: 'ELOOP',
    place: 'warehouse',
    message: /\/sub has a symlink where a file or directory belongs/,
  });
});
