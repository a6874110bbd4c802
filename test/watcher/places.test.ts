/**
 * Roots that cannot be watched, a state file inside the tree, unmounts, and mounts below the root (these need root).
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ByteName, nameOfText } from '../../src/linux/names.js';
import type { Backend } from '../../src/watcher/backend/backend.js';
import { linuxBackend } from '../../src/watcher/backend/linux-backend.js';
import { nodeBackend } from '../../src/watcher/backend/node-backend.js';
import type { FileKind } from '../../src/watcher/backend/types.js';
import { type Watcher, WatcherError } from '../../src/watcher/index.js';
import { asSomebody } from '../world/users.js';
import { everywhere, scenario, type WatchedTree } from './watched-tree.js';
import { scenarioBothWays } from './world.js';

const asRoot = process.getuid?.() === 0;
const mount = (at: string): void => void execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', at]);

/** An ext4 that does not store the kind of an entry. */
const mountUntyped = (at: string): void => {
  execFileSync('truncate', ['-s', '8M', `${at}.img`]);
  execFileSync('mkfs.ext4', ['-q', '-F', '-O', '^filetype', `${at}.img`]);
  execFileSync('mount', ['-o', 'loop', `${at}.img`, at]);
};

const mountsBothWays = (name: string, run: Parameters<typeof scenarioBothWays>[1]): void => {
  if (asRoot) scenarioBothWays(name, run);
  else
    test(name, { skip: 'mounting needs root: how the watcher meets mounts that come and go was not tested' }, () => {});
};

/** An idle watcher does not prevent an unmount; a scan does, for milliseconds. */
async function unmountWhenIdle(at: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      execFileSync('umount', [at], { stdio: 'pipe' });
      return;
    } catch (error) {
      if (tries === 200) throw error;
      await delay(5);
    }
  }
}

/** Unmounts everything of the scenario, however it ended. */
async function withMount(at: string, run: () => Promise<void>, make = mount): Promise<void> {
  make(at);
  try {
    await run();
  } finally {
    try {
      execFileSync('umount', ['-l', at], { stdio: 'ignore' });
    } catch {
      // The scenario unmounted it itself.
    }
  }
}

mountsBothWays(
  'an input that is unmounted is missing, not empty, and comes back with its mount',
  async (world, options) => {
    mkdirSync(world.root);
    await withMount(world.root, async () => {
      writeFileSync(join(world.root, 'x'), '1');
      world.start(options);
      await world.untilSeen('x');
      await world.untilTold('scan_done');
      await unmountWhenIdle(world.root);
      writeFileSync(join(world.root, 'stray'), '1');
      await world.untilTold('root_missing');
      assert.deepEqual(
        world.told.find(({ event }) => event === 'root_missing'),
        { event: 'root_missing', code: 'unmounted' },
      );
      mount(world.root);
      writeFileSync(join(world.root, 'y'), '1');
      await world.untilSeen('y');
      assert.equal(world.count('root_missing'), 1);
      assert.equal(world.count('root_back'), 1);
      assert(!world.seen.has(nameOfText('stray')));
      writeFileSync(join(world.root, 'z'), '1');
      await world.untilSeen('z');
    });
  },
);

mountsBothWays(
  'a mount below the root is reported and scanned, and the entries that it hid appear when it goes',
  async (world, options) => {
    mkdirSync(join(world.root, 'sub'), { recursive: true });
    await withMount(join(world.root, 'sub'), async () => {
      writeFileSync(join(world.root, 'sub/x'), '1');
      world.start(options);
      await world.untilSeen('sub/x');
      await world.untilTold('submount');
      await unmountWhenIdle(join(world.root, 'sub'));
      writeFileSync(join(world.root, 'sub/y'), '1');
      await world.untilSeen('sub/y');
    });
  },
);

mountsBothWays('a filesystem that stores no kinds loses no name', async (world, options) => {
  mkdirSync(world.root);
  const scene = async () => {
    for (const name of ['a', 'ä', 'z']) {
      mkdirSync(join(world.root, `dir-${name}`));
      writeFileSync(join(world.root, `dir-${name}/${name}`), '1');
      writeFileSync(join(world.root, name), '1');
    }
    world.start(options);
    await world.untilSeen('a', 'ä', 'z', 'dir-a/a', 'dir-ä/ä', 'dir-z/z');
    assert.deepEqual(
      [...world.seen].filter((path) => path.startsWith('lost+found')),
      [],
    );
  };
  await withMount(world.root, scene, mountUntyped);
});

mountsBothWays('both grounds list the same, also where no kinds are noted', async (world, { poll }) => {
  mkdirSync(world.root);
  const scene = async (): Promise<void> => {
    for (const name of ['file', 'öäü']) writeFileSync(join(world.root, name), '');
    mkdirSync(join(world.root, 'directory'));
    execFileSync('mkfifo', [join(world.root, 'fifo')]);
    symlinkSync('nowhere', join(world.root, 'link'));
    const [linux, node] = [linuxBackend, nodeBackend].map((backend) => listed(backend, nameOfText(world.root)));
    assert.deepEqual(linux, node);
    const kinds = ['directory', 'fifo', 'file', 'link', 'öäü'].map((name) => linux![nameOfText(name)]);
    assert.deepEqual(kinds, ['directory', 'fifo', 'file', 'symlink', 'file']);
  };
  await withMount(world.root, scene, poll ? mountUntyped : mount);
});

function listed(backend: Backend, path: ByteName): Record<string, FileKind | undefined> {
  const directory = backend.openRoot(path);
  const listing = directory.list();
  const found: Record<string, FileKind | undefined> = {};
  for (let entry = listing.next(); entry !== undefined; entry = listing.next())
    found[entry.name] = entry.kind ?? backend.kindOf(directory, entry.name);
  listing.close();
  listing.close();
  directory.close();
  return found;
}

/** The rejection of `watch`. It must reject: a root that is only reported as missing would never be watched. */
async function refusal(watcher: Watcher, path: string): Promise<WatcherError> {
  const told = new Promise((resolve) =>
    watcher.once('error', ({ message }) => resolve(new Error(`reported, and not refused: ${message}`))),
  );
  const ended = watcher.watch(path).then(
    () => new Error('watched'),
    (error: unknown) => error,
  );
  const end = await Promise.race([told, ended]);
  assert(end instanceof WatcherError, String(end));
  assert.equal(end.op, 'watch');
  assert.match(end.message, /^\/.* cannot be watched: .{20,}\.$/);
  return end;
}

everywhere('a root that may not be read, or not be entered, is refused', async (told) => {
  const watcher = await told.start();
  for (const [name, mode] of [
    ['closed', 0],
    ['entered', 0o300],
    ['listed', 0o400],
  ] as const) {
    mkdirSync(told.at(name));
    writeFileSync(told.at(`${name}/x`), '');
    chmodSync(told.at(name), mode);
  }
  chmodSync(told.base, 0o755);
  await asSomebody(async () => {
    for (const path of ['closed', 'entered', 'listed', 'entered/x', 'closed/x']) {
      const { code, message, path: about } = await refusal(watcher, told.at(path));
      assert.equal(code, 'EACCES');
      assert.equal(about, told.at(path));
      assert.match(message, /permission/);
    }
  });
  for (const name of ['closed', 'entered', 'listed']) chmodSync(told.at(name), 0o755);
});

everywhere('a root that is a symlink to a file names the file instead; one to a directory is watched', async (told) => {
  const watcher = await told.start();
  writeFileSync(join(told.base, 'target'), '');
  symlinkSync('../target', told.at('link'));
  symlinkSync('link', told.at('again'));
  symlinkSync('nowhere', told.at('dangling'));
  for (const link of ['link', 'again']) {
    const { message } = await refusal(watcher, told.at(link));
    assert.match(message, new RegExp(`symlink .*: watch ${join(told.base, 'target')} instead\\.$`));
  }
  const { code, message } = await refusal(watcher, told.at('dangling'));
  assert.equal(code, 'ENOENT');
  assert.match(message, /symlink to nowhere/);
  await told.watcher.idle();
  told.events.length = 0;
  mkdirSync(join(told.base, 'directory'));
  symlinkSync('directory', join(told.base, 'way'));
  await watcher.watch(join(told.base, 'way'));
  writeFileSync(join(told.base, 'directory/x'), '');
  await watcher.idle();
  assert.deepEqual(
    told.events.map(({ path }) => path),
    [join(told.base, 'way/x')],
  );
});

for (const [what, path] of [
  ['nothing', ''],
  ['a NUL', 'a\0b'],
  ['no path', undefined],
  ['a number', 5],
  ['bytes that are none', new Uint8Array([65])],
] as const)
  scenario(`${what} is no root`, async (told) => {
    const watcher = await told.start();
    await assert.rejects(
      watcher.watch(path as string),
      (error) => error instanceof WatcherError && error.op === 'watch' && error.code === 'ERR_INVALID_ARG_VALUE',
    );
  });

/** Writes two files, and waits for the event of each: an event for the state file would come between them. */
async function twoFiles(told: WatchedTree, into = ''): Promise<string[]> {
  for (const name of ['x', 'y']) {
    writeFileSync(told.at(join(into, name)), '1');
    await told.until(name, () => told.lines().some((line) => line.endsWith(join(into, name))));
  }
  return told.lines();
}

everywhere('a state file inside its own watched tree is never reported, by any path to the tree', async (told) => {
  mkdirSync(told.at('sub/state'), { recursive: true });
  symlinkSync('root', join(told.base, 'way'));
  const options = { hidden: true, rescanMs: 200, statePath: told.at('sub/state/db') };
  await told.start(options);
  assert.deepEqual(await twoFiles(told), ['+file x', '+file y']);
  await told.watcher.idle();
  await told.stop();
  await told.start({ ...options, statePath: join(told.base, 'way/sub/state/db') });
  told.events.length = 0;
  assert.deepEqual(await twoFiles(told, 'sub/state'), ['+file sub/state/x', '+file sub/state/y']);
  // Its own directory moves along, and others may have its name.
  renameSync(told.at('sub/state'), told.at('moved'));
  writeFileSync(told.at('sub/db'), '1');
  await told.until('the move', () => told.lines().includes('+file sub/db'));
  await told.watcher.idle();
  const ours = told.lines().filter((line) => /state\/db|moved\/db/.test(line));
  assert.deepEqual(ours, []);
});

scenario('an older state that reported its own files forgets them silently', async (told) => {
  await told.start({ statePath: told.statePath });
  await told.stop();
  for (const ending of ['', '-wal', '-shm', '-journal']) writeFileSync(told.at(`db${ending}`), 'of somebody');
  await told.start({ statePath: told.statePath });
  assert.equal((await told.quiet()).length, 4);
  await told.stop();
  for (const ending of ['', '-wal', '-shm', '-journal']) rmSync(told.at(`db${ending}`));
  renameSync(told.statePath, told.at('db'));
  await told.start({ statePath: told.at('db') });
  assert.deepEqual(await told.quiet(), []);
});

scenario('a state file cannot be the root of its own watcher', async (told) => {
  const watcher = await told.start({ statePath: told.statePath });
  const { message } = await refusal(watcher, told.statePath);
  assert.match(message, /state of this watcher/);
});
