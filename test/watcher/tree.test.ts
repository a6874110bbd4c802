/** Names, nested directories, renames and swaps in real directories, with events and without. */
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteName, bytesOfName, nameOfText } from '../../src/linux/names.js';
import { scenario, scenarioBothWays } from './world.js';

const at = (root: string, name: ByteName): Buffer => Buffer.concat([Buffer.from(`${root}/`), bytesOfName(name)]);

scenarioBothWays('what was there before the start is handed on', async (world, options) => {
  mkdirSync(join(world.root, 'a/b'), { recursive: true });
  writeFileSync(join(world.root, 'a/b/x.csv'), '1');
  writeFileSync(join(world.root, 'y.csv'), '1');
  world.start(options);
  await world.untilSeen('a/b/x.csv', 'y.csv');
});

scenarioBothWays('nested directories made at once lose no file', async (world, options) => {
  mkdirSync(world.root);
  world.start(options);
  await world.untilTold('scan_done');
  const names: string[] = [];
  for (let i = 0; i < 500; i++) {
    mkdirSync(join(world.root, `a${i}/b/c`), { recursive: true });
    writeFileSync(join(world.root, `a${i}/b/c/x.csv`), '1');
    names.push(`a${i}/b/c/x.csv`);
    if (i % 50 === 49) await new Promise((turn) => setImmediate(turn));
  }
  await world.untilSeen(...names);
});

scenarioBothWays('a directory moved in, on and out again', async (world, options) => {
  mkdirSync(world.root);
  world.start(options);
  await world.untilTold('scan_done');
  mkdirSync(join(world.base, 'out/deep'), { recursive: true });
  writeFileSync(join(world.base, 'out/deep/1'), '1');
  renameSync(join(world.base, 'out'), join(world.root, 'first'));
  await world.untilSeen('first/deep/1');
  renameSync(join(world.root, 'first'), join(world.root, 'second'));
  await world.untilSeen('second/deep/1');
  world.forget();
  writeFileSync(join(world.root, 'second/deep/2'), '1');
  await world.untilSeen('second/deep/2');
  assert(!world.seen.has(nameOfText('first/deep/2')));
  renameSync(join(world.root, 'second'), join(world.base, 'gone'));
  writeFileSync(join(world.root, 'sign1'), '');
  await world.untilSeen('sign1');
  await world.watcher.scan();
  world.forget();
  writeFileSync(join(world.base, 'gone/deep/3'), '1');
  writeFileSync(join(world.root, 'sign2'), '');
  await world.untilSeen('sign2');
  assert.deepEqual(
    [...world.seen].filter((path) => path.includes('deep')),
    [],
  );
});

scenarioBothWays('a directory swapped for a symlink leads nowhere', async (world, options) => {
  mkdirSync(join(world.root, 'dir'), { recursive: true });
  mkdirSync(join(world.base, 'elsewhere'));
  writeFileSync(join(world.base, 'elsewhere/secret'), '1');
  world.start(options);
  await world.untilTold('scan_done');
  renameSync(join(world.root, 'dir'), join(world.base, 'old'));
  symlinkSync(join(world.base, 'elsewhere'), join(world.root, 'dir'));
  await world.watcher.scan();
  writeFileSync(join(world.base, 'elsewhere/later'), '1');
  writeFileSync(join(world.base, 'old/later'), '1');
  await world.watcher.scan();
  writeFileSync(join(world.root, 'sign'), '');
  await world.untilSeen('sign');
  assert(![...world.seen].some((path) => path.startsWith('dir/')), [...world.seen].join());
});

scenarioBothWays('names of 255 bytes, odd ones and invalid UTF-8', async (world, options) => {
  mkdirSync(world.root);
  const odd = [' ', '-rf', 'a\nb', '"quoted"', '😀.csv', '__proto__', 'ä'.repeat(127)].map(nameOfText);
  const names = [...odd, '\xff\xfe.csv' as ByteName, 'x'.repeat(255) as ByteName, '\x80'.repeat(255) as ByteName];
  for (const name of names.slice(0, 5)) writeFileSync(at(world.root, name), '1');
  world.start(options);
  await world.untilTold('scan_done');
  for (const name of names.slice(5)) writeFileSync(at(world.root, name), '1');
  const dir = '\xc3(' as ByteName;
  mkdirSync(at(world.root, dir));
  writeFileSync(at(world.root, `${dir}/\xfe` as ByteName), '1');
  await world.until('all names handed on', () => [...names, `${dir}/\xfe` as ByteName].every((n) => world.seen.has(n)));
});

scenarioBothWays('only the root without recursion', async (world, options) => {
  mkdirSync(join(world.root, 'sub'), { recursive: true });
  writeFileSync(join(world.root, 'sub/x'), '1');
  world.start({ ...options, recursive: false });
  writeFileSync(join(world.root, 'y'), '1');
  await world.untilSeen('y');
  await world.watcher.scan();
  assert.deepEqual([...world.seen], ['y']);
});

scenarioBothWays('filters act before anything is marked', async (world, options) => {
  mkdirSync(join(world.root, '.hidden'), { recursive: true });
  writeFileSync(join(world.root, '.hidden/x'), '1');
  world.start({
    ...options,
    enters: (path) => !path.startsWith('.'),
    target: (path) =>
      path.endsWith('.ok') ? (path.slice(0, -3) as ByteName) : path.endsWith('.tmp') ? undefined : path,
  });
  await world.untilTold('scan_done');
  writeFileSync(join(world.root, 'a.tmp'), '1');
  writeFileSync(join(world.root, 'b'), '1');
  writeFileSync(join(world.root, 'b.ok'), '1');
  await world.untilSeen('b');
  await world.watcher.scan();
  assert.deepEqual([...world.seen], ['b']);
});

scenario('the last cause is delivered: written, renamed in, found by a scan', async (world) => {
  mkdirSync(world.root);
  writeFileSync(join(world.root, 'there'), '1');
  world.start();
  await world.untilTold('scan_done');
  writeFileSync(join(world.root, 'written'), '1');
  writeFileSync(join(world.base, 'x'), '1');
  renameSync(join(world.base, 'x'), join(world.root, 'renamed'));
  await world.untilSeen('written', 'renamed');
  assert.deepEqual(Object.fromEntries(world.marks.map(({ path, by }) => [path, by])), {
    there: 'scan',
    written: 'write',
    renamed: 'rename',
  });
});

scenarioBothWays('a root that is removed and made again', async (world, options) => {
  mkdirSync(world.root);
  world.start(options);
  await world.untilTold('scan_done');
  rmSync(world.root, { recursive: true });
  await world.untilTold('root_missing');
  mkdirSync(world.root);
  writeFileSync(join(world.root, 'x'), '1');
  await world.untilSeen('x');
  assert.equal(world.count('root_missing'), 1);
  assert.equal(world.count('root_back'), 1);
  writeFileSync(join(world.root, 'y'), '1');
  await world.untilSeen('y');
});

scenario('a root replaced by another directory is watched again', async (world) => {
  mkdirSync(world.root);
  world.start();
  await world.untilTold('scan_done');
  renameSync(world.root, join(world.base, 'old'));
  mkdirSync(world.root);
  await world.untilTold('scan_done', 2);
  writeFileSync(join(world.base, 'old/stray'), '1');
  writeFileSync(join(world.root, 'x'), '1');
  await world.untilSeen('x');
  assert(!world.seen.has(nameOfText('stray')));
});

scenario('a delivery that fails is emitted once, and nothing is lost', async (world) => {
  mkdirSync(world.root);
  world.start();
  await world.untilTold('scan_done');
  world.failWith = new Error('the database is full');
  writeFileSync(join(world.root, 'x'), '1');
  await world.untilTold('delivery_failing');
  writeFileSync(join(world.root, 'y'), '1');
  world.failWith = undefined;
  await world.untilSeen('x', 'y');
  assert.equal(world.count('delivery_failing'), 1);
  assert.equal(world.count('delivery_back'), 1);
});
