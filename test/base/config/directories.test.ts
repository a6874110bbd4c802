/** Folders that are missing, no folders, or in each other's way are refused before anything is changed. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { type Folders, listing, load, makeFolders, refusal, runCommand } from './folders.js';

const FOLDERS = ['input', 'warehouse', 'manifests'] as const;

function withFolder(folders: Folders, option: string, path: string): string[] {
  const flags = [...folders.flags];
  const at = flags.indexOf(`--${option}`);
  if (at < 0) return [...flags, `--${option}`, path];
  flags[at + 1] = path;
  return flags;
}

for (const option of FOLDERS) {
  test(`a missing --${option} says how to make it, with exit code 3, and is not made`, (t) => {
    const folders = makeFolders(t);
    const before = listing(folders.root);
    const path = join(folders.root, "not 'there");
    const { status, stderr } = runCommand('ingest', folders, withFolder(folders, option, path));
    assert.equal(status, 3);
    assert.ok(
      stderr.startsWith(`ingest: --${option} must be an existing directory, but ${path} does not exist`),
      stderr,
    );
    assert.ok(stderr.includes(`mkdir -p '${folders.root}/not '\\''there'`), stderr);
    assert.equal(stderr.trimEnd().split('\n').length, 1);
    assert.deepEqual(listing(folders.root), before);
  });

  test(`a --${option} that is a file, a FIFO's parent or a dangling symlink is refused with exit code 3`, (t) => {
    const folders = makeFolders(t);
    const file = join(folders.root, 'file');
    writeFileSync(file, '');
    symlinkSync(join(folders.root, 'nowhere'), join(folders.root, 'dangling'));
    for (const path of [file, join(file, 'below'), join(folders.root, 'dangling')]) {
      const error = refusal(() => load(folders, withFolder(folders, option, path)));
      assert.equal(error.exitCode, 3);
      assert.ok(error.message.includes(path), error.message);
    }
  });

  test(`an --${option} that was not given is asked for with exit code 2`, (t) => {
    const folders = makeFolders(t);
    const at = folders.flags.indexOf(`--${option}`);
    const error = refusal(() => load(folders, folders.flags.toSpliced(at, 2)));
    assert.equal(error.exitCode, 2);
    assert.ok(error.message.startsWith(`--${option} is needed`), error.message);
  });
}

test('folders that are the same or lie in one another are refused, also through symlinks and ..', (t) => {
  const folders = makeFolders(t);
  symlinkSync(folders.input, join(folders.root, 'link'));
  for (const outer of FOLDERS) {
    for (const inner of FOLDERS.filter((other) => other !== outer)) {
      const below = join(folders[outer], 'below');
      mkdirSync(below, { recursive: true });
      for (const path of [folders[outer], below, `${folders[outer]}/../${outer}`]) {
        const error = refusal(() => load(folders, withFolder(folders, inner, path)));
        assert.equal(error.exitCode, 2);
        assert.ok(error.message.includes(`--${inner}`) && error.message.includes(`--${outer}`), error.message);
      }
    }
  }
  assert.equal(
    refusal(() => load(folders, withFolder(folders, 'warehouse', join(folders.root, 'link')))).code,
    'folders_overlap',
  );
});

test('overlapping folders end each command with one sentence and exit code 2, and nothing is made', (t) => {
  const folders = makeFolders(t);
  symlinkSync(folders.input, join(folders.root, 'link'));
  for (const outer of FOLDERS) mkdirSync(join(folders[outer], 'below'));
  const pairs = FOLDERS.flatMap((outer) =>
    FOLDERS.filter((inner) => inner !== outer).map((inner) => [inner, outer, join(folders[outer], 'below')] as const),
  );
  const before = listing(folders.root);
  for (const [inner, outer, path] of [
    ...pairs,
    ['warehouse', 'input', folders.input],
    ['manifests', 'input', join(folders.root, 'link')],
    ['work-dir', 'warehouse', join(folders.warehouse, 'work')],
  ] as const) {
    for (const command of inner === 'manifests' ? ['ingest-producer', 'ingest'] : ['ingest']) {
      const { status, stderr } = runCommand(command, folders, withFolder(folders, inner, path));
      assert.equal(status, 2, stderr);
      assert.ok(stderr.includes(`--${inner}`) && stderr.includes(`--${outer}`), stderr);
      assert.equal(stderr.trimEnd().split('\n').length, 1, 'one sentence, no stack');
      assert.deepEqual(listing(folders.root), before);
    }
  }
});

test('a work directory inside the input is accepted; around it, or in warehouse or manifests, it is refused', (t) => {
  const folders = makeFolders(t);
  const within = (path: string) => load(folders, [...folders.flags, '--work-dir', path]).feeds[0]?.workDir;
  assert.equal(within(join(folders.input, '.work')), join(folders.input, '.work'));
  assert.equal(within(join(folders.root, 'work')), join(folders.root, 'work'));
  for (const path of [folders.root, folders.input, join(folders.warehouse, 'work'), join(folders.manifests, 'work')]) {
    assert.equal(refusal(() => within(path)).exitCode, 2, path);
  }
  assert.equal(refusal(() => within(join(folders.root, 'missing', 'work'))).exitCode, 3);
});

test('feeds may share warehouse and manifests, but no input, nor the way from one into another', (t) => {
  const folders = makeFolders(t);
  const other = join(folders.root, 'other');
  for (const name of ['input', 'warehouse', 'manifests', 'input/below'])
    mkdirSync(join(other, name), { recursive: true });
  const { input, warehouse, manifests } = folders;
  const one = { input, warehouse, manifests, publish: 's3://lake/raw' };
  const two = { input: join(other, 'input'), warehouse: join(other, 'warehouse'), manifests: join(other, 'manifests') };
  const loadBoth = (second: Record<string, string>) => {
    const path = join(folders.root, 'config.yaml');
    writeFileSync(path, stringify({ feeds: { one, two: second } }));
    return load(folders, ['--config', path]).feeds.map(({ name }) => name);
  };
  assert.deepEqual(loadBoth(two), ['one', 'two']);
  assert.deepEqual(loadBoth({ ...two, warehouse: one.warehouse, manifests: one.manifests }), ['one', 'two']);
  for (const publish of ['s3://lake/raw', 's3://lake', 's3://lake/raw/one-more'])
    assert.deepEqual(loadBoth({ ...two, publish }), ['one', 'two']);
  const elsewhere = { publish: 's3://lake/raw/one', 'publish-endpoint': 'http://127.0.0.1:9000' };
  assert.deepEqual(loadBoth({ ...two, ...elsewhere }), ['one', 'two']);
  mkdirSync(join(folders.warehouse, 'below'));
  for (const wrong of [
    { ...two, input: one.input },
    { ...two, input: one.warehouse },
    { ...two, input: one.manifests },
    { ...two, warehouse: one.input },
    { ...two, warehouse: one.manifests },
    { ...two, warehouse: join(one.warehouse, 'below') },
    { ...two, 'work-dir': one.input },
    { ...two, 'work-dir': join(one.warehouse, 'work') },
    { ...two, publish: 's3://lake/raw/one/' },
    { ...two, publish: 's3://lake/raw/one/deeper' },
  ]) {
    const error = refusal(() => loadBoth(wrong));
    assert.equal(error.code, 'folders_overlap');
    assert.match(error.message, /feeds\.one\..+feeds\.two\.|feeds\.two\..+feeds\.one\./);
  }
});
