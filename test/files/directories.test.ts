/**
 * Directories below a root: never through a symlink, never more descriptors than allowed, and no descriptor is left
 * open.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Directories } from '../../src/files/directories.js';
import { PlaceError } from '../../src/files/place-error.js';
import { FeedFiles, openRoot, statEntry } from '../../src/ingest/files/feed-files.js';
import { type ByteName, nameOfText } from '../../src/linux/names.js';
import { directoriesIn, folderFor } from './folder.js';

const name = nameOfText;
const descriptors = () => readdirSync('/proc/self/fd').length;

test('a symlink on the way, in the middle or at the end, leads nowhere', (t) => {
  const root = folderFor(t);
  const elsewhere = folderFor(t);
  mkdirSync(join(elsewhere, 'below'));
  writeFileSync(join(elsewhere, 'below', 'secret'), 'x');
  mkdirSync(join(root, 'a'));
  symlinkSync(join(elsewhere, 'below'), join(root, 'a', 'end'));
  symlinkSync(elsewhere, join(root, 'middle'));
  symlinkSync('a', join(root, 'inside'));
  const directories = directoriesIn(t, root);
  for (const path of ['a/end', 'middle/below', 'middle', 'inside'])
    assert.throws(() => directories.entry(name(`${path}/secret`)), { code: 'ELOOP' }, path);
  assert.throws(() => directories.make(name('middle/new')), { code: 'ELOOP' });
  assert.throws(() => directories.entry(name('../x')), { code: 'EXDEV' });
  assert.equal(existsSync(join(elsewhere, 'new')), false);
});

test('a parent that is swapped for a symlink while it is open still names what was opened', (t) => {
  const root = folderFor(t);
  const elsewhere = folderFor(t);
  mkdirSync(join(root, 'a'));
  writeFileSync(join(root, 'a', 'mine'), 'x');
  writeFileSync(join(elsewhere, 'theirs'), 'x');
  const directories = directoriesIn(t, root);
  directories.directory(name('a'));
  renameSync(join(root, 'a'), join(root, 'was'));
  symlinkSync(elsewhere, join(root, 'a'));
  assert.equal(statEntry(directories.entry(name('a/theirs'))), undefined);
  assert.equal(statEntry(directories.entry(name('a/mine')))?.kind, 'file');
  const later = directoriesIn(t, root);
  assert.throws(() => later.entry(name('a/theirs')), { code: 'ELOOP' });
});

test('three hundred directories need a bounded number of descriptors, and close() leaves none', (t) => {
  const root = folderFor(t);
  const before = descriptors();
  const directories = new Directories(openRoot(root));
  for (let n = 0; n < 150; n++) directories.make(name(`d${n}/e`));
  assert(descriptors() - before < 140, `${descriptors() - before} descriptors`);
  assert.equal(directories.directory(name('d0/e')), directories.directory(name('d0/e')));
  directories.close();
  assert.equal(descriptors(), before);
});

test('a directory that another makes at the same time is taken as made', (t) => {
  const root = folderFor(t);
  const [one, other] = [directoriesIn(t, root), directoriesIn(t, root)];
  one.make(name('a/b/c'));
  other.make(name('a/b/c'));
  assert(existsSync(join(root, 'a', 'b', 'c')));
  writeFileSync(join(root, 'file'), '');
  assert.throws(() => one.make(name('file/x')), { code: 'ENOTDIR' });
});

test('removeEmpty removes what is empty upwards, and nothing from the first that is not', (t) => {
  const root = folderFor(t);
  const directories = directoriesIn(t, root);
  directories.make(name('stop/a/b/c'));
  writeFileSync(join(root, 'stop', 'a', 'keeps'), '');
  directories.removeEmpty(name('stop/a/b/c'), name('stop'));
  assert.deepEqual(readdirSync(join(root, 'stop', 'a')), ['keeps']);
  directories.make(name('stop/d/e'));
  directories.removeEmpty(name('stop/d/e'), name('stop'));
  assert.deepEqual(readdirSync(join(root, 'stop')), ['a']);
  directories.removeEmpty(name('stop/never/was'), name('stop'));
});

test('a root without its marker is a failing place, and nothing is done in it', (t) => {
  const root = folderFor(t);
  const files = new FeedFiles({
    input: root,
    work: root,
    manifests: root,
    warehouse: root,
    markers: { warehouse: 'id' },
  });
  t.after(() => files.close());
  for (const kind of ['warehouse', 'manifests'] as const)
    for (const _ of ['at first', 'and when asked again'])
      assert.throws(
        () => files[kind],
        (error) => error instanceof PlaceError && error.code === 'no_marker',
      );
  const missing = new FeedFiles({ ...files.roots, input: `${root}/gone` });
  assert.throws(
    () => missing.input,
    (error) => error instanceof PlaceError && error.code === 'ENOENT',
  );
  assert.equal(files.entryOrNone(files.input, 'no/such' as ByteName), undefined);
});

test('the directories opened last stay open, however many there are; a closed one is opened again', (t) => {
  const root = folderFor(t);
  for (let n = 0; n < 300; n++) mkdirSync(join(root, `${n}`));
  mkdirSync(join(root, 'a/b'), { recursive: true });
  const directories = directoriesIn(t, root);
  const first = directories.directory(name('a/b'));
  for (let n = 0; n < 300; n++) {
    directories.directory(name(`${n}`));
    assert.equal(directories.directory(name('a/b')), first);
  }
  renameSync(join(root, 'a'), join(root, 'was'));
  mkdirSync(join(root, 'a/b'), { recursive: true });
  writeFileSync(join(root, 'a/b/new'), 'x');
  assert.equal(statEntry(directories.entry(name('a/b/new'))), undefined);
  directories.leave(name('a'));
  assert.equal(statEntry(directories.entry(name('a/b/new')))?.kind, 'file');
});
