/**
 * Directories are made durable before a commit, even if a directory has left its path meanwhile.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Directories } from '../../src/files/directories.js';
import { DirtyDirectories } from '../../src/files/dirty.js';
import type { PlaceKind } from '../../src/files/place-error.js';
import { openRoot } from '../../src/ingest/files/feed-files.js';
import { nameOfText } from '../../src/linux/index.js';
import { skipUnlessInstalled } from '../simulate/installed.js';
import { bindMount, release, tmpfsMount } from '../world/mounts.js';
import { skipUnlessRoot } from '../world/users.js';
import { folderFor } from './folder.js';

/** A folder below a root, replaced by a symlink after a name in it was changed. */
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

test('a folder of an input that was swapped for a symlink blocks nothing', async (t) => {
  await swapped(t, 'input').sync();
});

test('such a folder of the warehouse is a failing place: its new names may not be on disk', async (t) => {
  await assert.rejects(swapped(t, 'warehouse').sync(), {
    name: 'PlaceError',
    code: 'ELOOP',
    place: 'warehouse',
    message: /\/sub has a symlink where a file or directory belongs/,
  });
});

const FOLDERS = 40;
const SYNCING = `
  import { Directories } from ${JSON.stringify(new URL('../../src/files/directories.js', import.meta.url).href)};
  import { DirtyDirectories } from ${JSON.stringify(new URL('../../src/files/dirty.js', import.meta.url).href)};
  import { openRoot } from ${JSON.stringify(new URL('../../src/ingest/files/feed-files.js', import.meta.url).href)};
  const directories = new Directories(openRoot(process.env.FOLDERS_OF));
  const dirty = new DirtyDirectories();
  for (let n = 0; n < ${FOLDERS}; n++) dirty.add(directories, String(n));
  await dirty.sync();`;

test('among many folders, each one on its own mount is synced too', (t) => {
  const what = 'folders on mounts of their own';
  if (skipUnlessRoot(t, what) || skipUnlessInstalled(t, 'strace', what)) return;
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'files-test-')));
  t.after(() => {
    release(path);
    rmSync(path, { recursive: true });
  });
  for (let n = 0; n < FOLDERS; n++) mkdirSync(join(path, String(n)));
  tmpfsMount(join(path, '7'));
  mkdirSync(join(path, 'elsewhere'));
  bindMount(join(path, 'elsewhere'), join(path, '31'));
  const trace = join(folderFor(t), 'trace');
  const calls = ['-f', '-qq', '-y', '-e', 'trace=fsync,syncfs', '-o', trace];
  execFileSync('strace', [...calls, process.execPath, '--input-type=module', '-e', SYNCING], {
    env: { ...process.env, FOLDERS_OF: path },
  });
  // Node syncs its own output at its exit too.
  const synced = [...readFileSync(trace, 'utf8').matchAll(/(fsync|syncfs)\(\d+<([^>]*)>/g)].flatMap(([, call, of]) =>
    of!.startsWith(path) ? [`${call} ${of!.slice(path.length)}`] : [],
  );
  assert.deepEqual(synced, ['syncfs ', 'fsync /7', 'fsync /31']);
});
