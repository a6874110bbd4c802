/**
 * Parts of the library by themselves: rare cases, and cases of other machines.
 */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { ByteName } from '../../src/linux/names.js';
import { merged } from '../../src/watcher/backend/hints.js';
import { FsWatchTree, nodeBackend } from '../../src/watcher/backend/node-backend.js';
import { absolutePath } from '../../src/watcher/backend/paths.js';
import type { EngineEvent } from '../../src/watcher/engine/index.js';
import { matcherOf } from '../../src/watcher/options/globs.js';
import { limits } from '../../src/watcher/options/limits.js';
import { differs, isSame, type Known } from '../../src/watcher/reconcile/delivered-tree.js';
import { Differences } from '../../src/watcher/reconcile/differences.js';
import { isExactKernel, isRacy } from '../../src/watcher/reconcile/looker.js';
import { NodeLooker } from '../../src/watcher/reconcile/node-looker.js';
import { RemovedNames } from '../../src/watcher/reconcile/removed-names.js';
import { StateStore } from '../../src/watcher/reconcile/state-store.js';
import { Troubles } from '../../src/watcher/troubles.js';
import { Bell } from '../world/bell.js';
import { everywhere, scenario, WatchedTree } from './watched-tree.js';

const name = (text: string): ByteName => text as ByteName;
const known = (path: string, change: Partial<Known> = {}): Known => ({
  path: name(path),
  kind: 'file',
  ino: 1,
  file: '1:1:1',
  content: '0:0',
  changed: '0',
  doubted: false,
  ...change,
});

test('what must be reported again: bytes, not attributes; where it was written or renamed, what changed in the ctime alone', () => {
  const was = known('a');
  const touched = known('a', { changed: '1' });
  for (const by of ['attributes', 'scan', 'moved', 'delete'] as const) assert.equal(differs(was, touched, by), false);
  for (const by of ['write', 'rename', 'written_renamed', 'written_moved', 'written_deleted'] as const)
    assert.equal(differs(was, touched, by), true);
  assert.equal(differs(was, known('a', { content: '1:0' }), 'attributes'), true);
  assert.equal(differs(known('a', { doubted: true }), was, 'scan'), true);
  assert.equal(differs(was, known('a', { kind: 'symlink' }), 'scan'), true);
  const directory = known('a', { kind: 'directory' });
  assert.equal(differs(directory, { ...directory, changed: '1', content: 'x' }, 'write'), false);
});

test('of several hints it is kept that something came by a rename, and that it was written', () => {
  for (const [first, second, kept] of [
    ['write', 'attributes', 'write'],
    ['write', 'scan', 'write'],
    ['write', 'moved', 'written_moved'],
    ['written_moved', 'delete', 'written_deleted'],
    ['moved', 'write', 'written_moved'],
    ['rename', 'write', 'written_renamed'],
    ['rename', 'moved', 'rename'],
    ['write', 'delete', 'written_deleted'],
    ['written_deleted', 'created', 'write'],
    ['created', 'write', 'write'],
    ['created', 'delete', 'delete'],
    ['moved', 'created', 'moved'],
    ['written_deleted', 'write', 'write'],
    ['delete', 'rename', 'rename'],
    ['delete', 'write', 'write'],
  ] as const)
    assert.equal(merged(first, second), kept, `${first}, ${second}`);
  assert.equal(merged(undefined, 'delete'), 'delete');
});

test('without a time of birth, an inode is the same file only with the same bytes', () => {
  const born = known('a', { file: '1:1:' });
  assert.equal(isSame(born, { ...born }), true);
  assert.equal(isSame(born, { ...born, content: '9:9' }), false);
  assert.equal(isSame(known('a'), known('b', { content: '9:9' })), true);
  assert.equal(isSame(known('a'), known('b', { kind: 'directory' })), false);
});

test('times are trusted by the age of the kernel, and by how fine they are', () => {
  for (const [platform, release, exact] of [
    ['linux', '6.13.0-1-amd64', true],
    ['linux', '7.0', true],
    ['linux', '6.12.9', false],
    ['linux', '5.15.0', false],
    ['darwin', '24.1.0', false],
  ] as const)
    assert.equal(isExactKernel(platform, release), exact, release);
  assert.equal(isRacy(1_000_000.5, false, 1_000_020), true);
  assert.equal(isRacy(1_000_000.5, true, 1_000_020), false);
  assert.equal(isRacy(1_000_000.5, false, 1_000_900), false);
  for (const isExact of [false, true]) assert.equal(isRacy(1_000_000, isExact, 1_000_900), true);
});

test('globs: without a slash of the last part, with one of the whole path; names that are not UTF-8', () => {
  const matches = matcherOf(['*.log', 'a/**/x', '�*'])!;
  for (const path of ['b/c.log', 'a/x', 'a/b/x', 'd/\xff1']) assert.equal(matches(name(path)), true, path);
  for (const path of ['b.txt', 'b/a/x', 'd/\xc3\xa4']) assert.equal(matches(name(path)), false, path);
  assert.equal(matcherOf([]), undefined);
});

test('paths below a root, which may be that of the system', () => {
  assert.equal(absolutePath(name('/'), name('a/b')), '/a/b');
  assert.equal(absolutePath(name('/r'), name('a')), '/r/a');
  assert.equal(absolutePath(name('/'), name('')), '/');
});

test('names of removed files are forgotten, the oldest first', () => {
  const links = new RemovedNames();
  links.removed(known('directory', { kind: 'directory' }));
  assert.equal(links.inodeOnceAt(name('directory')), undefined);
  for (let i = 0; i <= limits.removedMax; i++) links.removed(known(`f${i}`, { ino: i }));
  assert.equal(links.inodeOnceAt(name('f0')), undefined);
  assert.equal(links.inodeOnceAt(name('f1')), 1);
});

test('each trouble of the engine is an error with its place, once, and is over once', () => {
  const told: string[] = [];
  const troubles = new Troubles('/r', '/s', {
    error: ({ op, code, path, message }) => {
      told.push(`${op} ${code} ${path}`);
      assert.match(message, /^\/[rs].*: .* \(\w+\)\.$/);
      assert.equal(message.includes('max_user_watches'), code === 'ENOSPC');
    },
    recovered: ({ op, path }) => told.push(`${op} ${path} over`),
  });
  const events: EngineEvent[] = [
    { event: 'root_missing', code: 'unmounted' },
    { event: 'root_back' },
    { event: 'root_missing', code: 'EACCES' },
    { event: 'root_back' },
    { event: 'watch_limit', path: name('d'), code: 'ENOSPC' },
    { event: 'watch_limit_over' },
    { event: 'watch_limit', path: name('d'), code: 'EACCES' },
    { event: 'watch_limit_over' },
    { event: 'polling', why: 'no_inotify', code: 'EMFILE' },
    { event: 'events_back' },
    { event: 'delivery_failing', error: Object.assign(new Error('full'), { code: 'SQLITE_FULL' }) },
    { event: 'delivery_failing', error: new Error('full') },
    { event: 'delivery_back' },
    { event: 'delivery_back' },
    { event: 'polling', why: 'no_inotify' },
    { event: 'events_back' },
    { event: 'delivery_failing', error: new Error('a bug') },
  ];
  for (const event of events) assert.equal(troubles.note(event), true);
  assert.deepEqual(told, [
    ...['root UNMOUNTED /r', 'root /r over', 'root EACCES /r', 'root /r over'],
    ...['add_watch ENOSPC /r/d', 'add_watch /r/d over', 'add_watch EACCES /r/d', 'add_watch /r/d over'],
    ...['events EMFILE /r', 'events /r over'],
    ...['deliver SQLITE_FULL /s', 'deliver /s over', 'events EMFILE /r', 'events /r over', 'deliver UNKNOWN /r'],
  ]);
  assert.equal(troubles.note({ event: 'polling', why: 'asked' }), false);
  assert.equal(troubles.note({ event: 'marks_full' }), false);
  troubles.unseen(name('x'), 'EACCES');
  troubles.unseen(name('x'), 'EACCES');
  troubles.seen(name('y'));
  troubles.seen(name('x'));
  assert.deepEqual(told.slice(-2), ['stat EACCES /r/x', 'stat /r/x over']);
});

test('the rows of a delivered tree page by page: direct ones, all below, the last first, the names of an inode', () => {
  const store = new StateStore(undefined);
  const { deliveredTree } = store.root(name('/r'));
  // In byte order, '!' and '0' are next to '/'; '\xff' is the last byte.
  const paths = ['a', 'a/b', 'a/b/c', 'a/b/c/d', 'a/b/e', 'a!', 'a!/x', 'a0', 'a0/x', '\xff', '\xff/\xff'].map(name);
  for (const path of paths) deliveredTree.put(path, known(path, { kind: path.length > 3 ? 'file' : 'directory' }));
  const all = (page: (after: ByteName | undefined) => Known[]): string[] => {
    const found: string[] = [];
    for (let after: ByteName | undefined; ; after = name(found.at(-1)!)) {
      const rows = page(after);
      if (rows.length === 0) return found;
      found.push(...rows.map(({ path }) => path));
    }
  };
  for (const limit of [1, 2, 100]) {
    assert.deepEqual(all((after) => deliveredTree.all(after, limit)).sort(), [...paths].sort());
    assert.deepEqual(all((after) => deliveredTree.namesOf(1, after, limit)).sort(), [...paths].sort());
  }
  for (const path of ['a/b/c/d', 'a/b/e', 'a/b/c', 'a/b', undefined]) {
    assert.equal(deliveredTree.lastBelow(name('a'))?.path, path);
    if (path !== undefined) deliveredTree.remove(name(path));
  }
  deliveredTree.noteMissing(name('a'));
  assert.deepEqual([deliveredTree.takeMissing(9), deliveredTree.takeMissing(9)], [['a'], []]);
  deliveredTree.commit();
  deliveredTree.commit();
  store.close();
});

test('a file with the identity of the directory that was there: what was in it is deleted first', () => {
  const store = new StateStore(undefined);
  const { deliveredTree } = store.root(name('/r'));
  const identity = { ino: 5, file: '1:5:', content: '', changed: '', doubted: false };
  deliveredTree.put(name('d'), { ...identity, kind: 'directory' });
  deliveredTree.put(name('d/x'), known('d/x', { ino: 6, file: '1:6:' }));
  const differences = new Differences(deliveredTree, {
    look: (path) => (path === 'd' ? { ...identity, kind: 'file', links: 1 } : undefined),
    pendingAt: () => undefined,
    seenAt: () => undefined,
    renameId: () => assert.fail(),
    isOfThisStart: () => false,
    lost: () => {},
    recheck: () => {},
    again: () => {},
  });
  const events: string[] = [];
  for (let next = differences.of(name('d'), 'scan'); next.length > 0; next = differences.of(name('d'), 'scan')) {
    events.push(...next.map(({ operation, path }) => `${operation} ${path}`));
    next.at(-1)!.delivered!();
  }
  assert.deepEqual(events, ['delete d/x', 'put d']);
  store.close();
});

test('hints by fs.watch: of single directories, and of a whole tree at once', async () => {
  const told = new WatchedTree();
  mkdirSync(told.at('d'));
  for (const whole of [false, true]) {
    const heard: string[] = [];
    const bell = new Bell(() => heard.join());
    const note = (path: string): void => {
      heard.push(path);
      bell.ring();
    };
    const nothing = (): void => assert.fail();
    const hooks = {
      onFile: note,
      onDirectory: note,
      onDirectoryGone: nothing,
      onOverflow: nothing,
      onRootGone: nothing,
    };
    const tree = new FsWatchTree(hooks, whole);
    assert.equal(tree.has(name('d')), false);
    for (const path of ['', 'd'].map(name))
      tree.watch(path, nodeBackend.openDirectory(nodeBackend.openRoot(name(told.root)), path), 1);
    assert.equal(tree.has(name('d')), true);
    await bell.until('the file in the directory', () => {
      writeFileSync(told.at('d/x'), String(heard.length));
      setImmediate(() => bell.ring());
      return heard.includes('d/x');
    });
    tree.drain();
    tree.sweep(2);
    assert.equal(tree.has(name('d')), whole);
    tree.close();
    assert.equal(tree.has(name('d')), false);
  }
  await told.end();
});

test('a check by paths: below a root that is gone nothing was deleted', async () => {
  const told = new WatchedTree();
  const looker = new NodeLooker(nodeBackend.openRoot(name(told.root)));
  assert.equal(looker.look(name('x')), undefined);
  mkdirSync(told.at('d'));
  writeFileSync(told.at('d/x'), '');
  assert.equal(looker.look(name('d/x'))?.kind, 'file');
  rmSync(told.at('d'), { recursive: true });
  symlinkSync('.', told.at('d'));
  looker.forget();
  assert.equal(looker.look(name('d/d')), undefined);
  assert.equal(nodeBackend.mountAbove(name(`${told.base}/no/thing`)), undefined);
  assert.throws(() => nodeBackend.openRoot(name(`${told.base}/none`)), { code: 'ENOENT' });
  renameSync(told.root, `${told.base}/away`);
  assert.throws(() => looker.look(name('d')), { code: 'ESTALE' });
  await told.end();
});

/** More than a page and more than a buffer: everything waits for a consumer that takes one event at a time. */
everywhere('a directory of many files: renamed, swapped away, removed, with a small buffer', async (told) => {
  const count = limits.pageMax + 100;
  const names = (of: string) => Array.from({ length: count }, (_, i) => `${of}/f${i}`);
  mkdirSync(told.at('a/sub'), { recursive: true });
  for (const file of names('a')) writeFileSync(told.at(file), '');
  await told.start({ bufferMax: 3, debounceMs: 0 }, { listens: false });
  const copy = new Set<string>();
  const taking = (async () => {
    for await (const { path, operation, kind } of told.watcher.events()) {
      const line = `${kind} ${path.slice(told.root.length + 1)}`;
      if (operation === 'put') copy.add(line);
      else copy.delete(line);
    }
  })();
  for (const name of [...names('a'), 'a/sub']) copy.add(`${name.endsWith('sub') ? 'directory' : 'file'} ${name}`);
  copy.add('directory a');
  renameSync(told.at('a'), told.at('b'));
  rmSync(told.at('b/f7'));
  await told.watcher.idle();
  const left = (of: string) => ['f7'].reduce((all, gone) => all.filter((n) => n !== `${of}/${gone}`), names(of));
  const whole = (of: string) => [`directory ${of}`, `directory ${of}/sub`, ...left(of).map((n) => `file ${n}`)].sort();
  assert.deepEqual([...copy].sort(), whole('b'));
  rmSync(told.at('b'), { recursive: true });
  await told.watcher.idle();
  assert.deepEqual([...copy], []);
  await told.stop();
  await taking;
});

scenario('an error of a listener is an uncaught exception, and the next event is delivered', async (told) => {
  await told.start();
  const faults: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', (error) => faults.push(error));
  told.watcher.once('event', () => {
    throw new Error('of the listener');
  });
  writeFileSync(told.at('a'), '');
  await told.until('the first', () => told.events.length === 1);
  await told.expect(() => writeFileSync(told.at('b'), ''), '+file a', '+file b');
  for (const listener of listeners) process.on('uncaughtException', listener);
  assert.match(String(faults[0]), /of the listener/);
});
