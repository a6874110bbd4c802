/**
 * The events of the library for a tree, with each of its backends.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { everywhere, scenario, type WatchedTree } from './watched-tree.js';

everywhere('a file is made, written, changed in its attributes, removed', async (told) => {
  await told.start();
  await told.expect(() => writeFileSync(told.at('a'), '1'), '+file a');
  await told.expect(() => appendFileSync(told.at('a'), '2'), '+file a');
  await told.expect(() => truncateSync(told.at('a'), 0), '+file a');
  await told.expect(() => chmodSync(told.at('a'), 0o600));
  await told.expect(() => rmSync(told.at('a')), '-file a');
});

everywhere('every kind of thing, and loops of links that are not followed', async (told) => {
  await told.start();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(told.at('socket'), resolve));
  assert.deepEqual(await told.quiet(), ['+socket socket']);
  await told.expect(() => execFileSync('mkfifo', [told.at('fifo')]), '+fifo fifo');
  await told.expect(() => symlinkSync('.', told.at('loop')), '+symlink loop');
  await told.expect(() => mkdirSync(told.at('deep/er'), { recursive: true }), '+directory deep', '+directory deep/er');
  await told.expect(() => symlinkSync('../..', told.at('deep/er/up')), '+symlink deep/er/up');
  await new Promise((resolve) => server.close(resolve));
  assert.deepEqual(await told.quiet(), ['-socket socket']);
});

everywhere('a tree appears, is renamed, moved out, moved in, removed', async (told) => {
  await told.start();
  const tree = (sign: string, name: string) =>
    ['directory NAME', 'directory NAME/b', 'file NAME/b/c', 'file NAME/d'].map((of) => sign + of.replace('NAME', name));
  const outside = join(told.base, 'outside');
  mkdirSync(told.at('a/b'), { recursive: true });
  writeFileSync(told.at('a/b/c'), '1');
  writeFileSync(told.at('a/d'), '1');
  await told.expect(() => {}, ...tree('+', 'a'));

  renameSync(told.at('a'), told.at('z'));
  await told.watcher.idle();
  const ids = new Set(told.events.map(({ renameId }) => renameId));
  assert.equal(ids.size, 4, 'each name has a pair');
  for (const id of ids) {
    const pair = told.events.filter(({ renameId }) => renameId === id);
    const [put, gone] = ['put', 'delete'].map((operation) => pair.find((event) => event.operation === operation)!.path);
    assert(id !== undefined && pair.length === 2);
    assert.equal(put!.slice(told.root.length + 2), gone!.slice(told.root.length + 2));
  }
  assert.deepEqual((await told.quiet()).sort(), [...tree('+', 'z'), ...tree('-', 'a')].sort());

  await told.expect(() => renameSync(told.at('z'), outside), ...tree('-', 'z'));
  await told.expect(() => renameSync(outside, told.at('y')), ...tree('+', 'y'));
  await told.expect(() => rmSync(told.at('y'), { recursive: true }), ...tree('-', 'y'));
});

everywhere('a directory is put before its content, and deleted after it', async (told) => {
  await told.start();
  mkdirSync(told.at('a/b/c'), { recursive: true });
  for (const name of ['a/1', 'a/b/2', 'a/b/c/3']) writeFileSync(told.at(name), '');
  const depth = (line: string) => line.split('/').length;
  const put = await told.quiet();
  assert.deepEqual(put.slice(0, 1), ['+directory a']);
  for (const line of put.slice(1)) {
    const parent = line.replace(/^\+\w+ /, '').replace(/\/[^/]+$/, '');
    assert(put.indexOf(`+directory ${parent}`) < put.indexOf(line), put.join());
  }
  rmSync(told.at('a'), { recursive: true });
  const gone = await told.quiet();
  for (const line of gone) {
    const parent = line.replace(/^-\w+ /, '').replace(/\/?[^/]+$/, '');
    if (depth(line) > 1) assert(gone.indexOf(`-directory ${parent}`) > gone.indexOf(line), gone.join());
  }
});

everywhere('a file is replaced by a rename, by a directory, and by a link', async (told) => {
  await told.start();
  writeFileSync(told.at('a'), '1');
  await told.quiet();
  writeFileSync(told.at('a.tmp'), '2');
  await told.expect(() => renameSync(told.at('a.tmp'), told.at('a')), '+file a');
  rmSync(told.at('a'));
  mkdirSync(told.at('a'));
  writeFileSync(told.at('a/x'), '');
  assert.deepEqual((await told.quiet()).slice(-2), ['+directory a', '+file a/x']);
  rmSync(told.at('a'), { recursive: true });
  symlinkSync('nowhere', told.at('a'));
  assert.deepEqual((await told.quiet()).slice(-1), ['+symlink a']);
});

everywhere('names are swapped, and a directory takes the place of another one', async (told) => {
  for (const [dir, file] of [
    ['a', 'one'],
    ['b', 'two'],
  ] as const) {
    mkdirSync(told.at(dir));
    writeFileSync(join(told.at(dir), file), dir);
  }
  await told.start();
  renameSync(told.at('a'), told.at('swap'));
  renameSync(told.at('b'), told.at('a'));
  renameSync(told.at('swap'), told.at('b'));
  const copy = new Set(['a', 'a/one', 'b', 'b/two']);
  await told.watcher.idle();
  apply(told, copy);
  assert.deepEqual([...copy].sort(), ['a', 'a/two', 'b', 'b/one']);
  // The directory that is moved away has a file where the arriving one has a directory.
  mkdirSync(told.at('c/two'), { recursive: true });
  writeFileSync(told.at('c/two/x'), '');
  await told.watcher.idle();
  renameSync(told.at('a'), join(told.base, 'away'));
  renameSync(told.at('c'), told.at('a'));
  await told.watcher.idle();
  apply(told, copy);
  assert.deepEqual([...copy].sort(), ['a', 'a/two', 'a/two/x', 'b', 'b/one']);
});

function apply(told: WatchedTree, copy: Set<string>): void {
  for (const { operation, path } of told.events.splice(0)) {
    const name = path.slice(told.root.length + 1);
    if (operation === 'put') copy.add(name);
    else for (const other of copy) if (other === name || other.startsWith(`${name}/`)) copy.delete(other);
  }
}

everywhere('hard links are names of their own, and a write is reported under all of them', async (told) => {
  await told.start();
  writeFileSync(told.at('a'), '1');
  await told.quiet();
  // Hints cannot distinguish a write from a name that comes or goes.
  const besides = (line: string): string[] => (told.backend === 'node' ? [line] : []);
  await told.expect(() => linkSync(told.at('a'), told.at('b')), ...besides('+file a'), '+file b');
  await told.expect(() => appendFileSync(told.at('b'), '2'), '+file a', '+file b');
  await told.expect(() => rmSync(told.at('a')), ...besides('+file b'), '-file a');
});

everywhere('names of 255 bytes and names that are not UTF-8 are exact as bytes', async (told) => {
  const names = [Buffer.alloc(255, 'x'), Buffer.from([0xff, 0xfe, 0x2e]), Buffer.from('ä'.repeat(127))];
  const paths = names.map((name) => Buffer.concat([Buffer.from(`${told.root}/`), name]));
  await told.start();
  for (const path of paths) writeFileSync(path, '');
  await told.watcher.idle();
  const hexes = () => told.events.map(({ pathBytes }) => pathBytes.toString('hex')).sort();
  assert.deepEqual(hexes(), paths.map((path) => path.toString('hex')).sort());
  assert(told.events.some(({ path }) => path.endsWith('/��.')));
  told.events.length = 0;
  for (const path of paths) rmSync(path);
  await told.watcher.idle();
  assert.deepEqual(hexes(), paths.map((path) => path.toString('hex')).sort());
});

everywhere('filters: hidden, temporary, ignored and not included names are not reported', async (told) => {
  await told.start({ ignore: ['node_modules', 'logs/*.log'], include: ['*.csv', '*.log'] });
  for (const name of ['.git', 'node_modules', 'logs', 'sub.tmp']) mkdirSync(told.at(name));
  for (const name of ['.x.csv', 'a.csv', 'a.csv~', 'b.csv.tmp', 'c.csv.metadata.json', 'd.txt', 'e.log', 'logs/f.log'])
    writeFileSync(told.at(name), '');
  for (const name of ['.git/x.csv', 'node_modules/x.csv', 'sub.tmp/x.csv']) writeFileSync(told.at(name), '');
  const told1 = ['+directory logs', '+directory sub.tmp', '+file a.csv', '+file e.log', '+file sub.tmp/x.csv'];
  await told.expect(() => {}, ...told1);
  await told.expect(() => renameSync(told.at('a.csv'), told.at('.a.csv')), '-file a.csv');
  await told.expect(() => renameSync(told.at('.a.csv'), told.at('a.csv')), '+file a.csv');
});

everywhere('without recursion only entries directly in the root; a file is watched alone', async (told) => {
  const watcher = await told.start({ recursive: false, hidden: true });
  mkdirSync(told.at('sub'));
  writeFileSync(told.at('sub/x'), '');
  writeFileSync(told.at('.hidden'), '');
  await told.expect(() => {}, '+directory sub', '+file .hidden');
  await watcher.watch(told.at('sub/x'));
  writeFileSync(told.at('sub/y'), '');
  await told.expect(() => writeFileSync(told.at('sub/x'), 'more'), '+file sub/x');
  await told.expect(() => rmSync(told.at('sub/x')), '-file sub/x');
});

scenario('a path that is watched twice is watched once, also by another spelling', async (told) => {
  const watcher = await told.start();
  await Promise.all([watcher.watch(told.root), watcher.watch(Buffer.from(`${told.root}/./`))]);
  await told.expect(() => writeFileSync(told.at('a'), ''), '+file a');
});

scenario('two roots in one watcher, and two watchers on one root', async (told) => {
  const watcher = await told.start();
  mkdirSync(join(told.base, 'second'));
  await watcher.watch(join(told.base, 'second'));
  writeFileSync(join(told.base, 'second/x'), '');
  writeFileSync(told.at('y'), '');
  await watcher.idle();
  assert.deepEqual(told.events.map(({ path }) => path).sort(), [told.at('y'), join(told.base, 'second/x')].sort());
  assert.deepEqual(readdirSync(told.root), ['y']);
});

everywhere('existing entries are reported with `initial`', async (told) => {
  mkdirSync(told.at('a'));
  writeFileSync(told.at('a/b'), '');
  await told.start({ initial: true });
  await told.watcher.idle();
  assert(told.events.every(({ cause }) => cause === 'scan'));
  assert.deepEqual(await told.quiet(), ['+directory a', '+file a/b']);
});
