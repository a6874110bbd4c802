/** Unmounts, mounts below the root, and mount points without their mount. Needs root. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ByteName, nameOfText } from '../../src/linux/names.js';
import type { Ground } from '../../src/watcher/engine/ground.js';
import { linuxGround } from '../../src/watcher/engine/linux-ground.js';
import { nodeGround } from '../../src/watcher/engine/node-ground.js';
import type { FileKind } from '../../src/watcher/engine/types.js';
import { scenarioBothWays } from './world.js';

const asRoot = process.getuid?.() === 0;
const mount = (at: string): void => void execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', at]);

/** An ext4 that does not note what kind of thing an entry is. */
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

/** An idle watcher keeps nobody from unmounting; a scan does, for its milliseconds. */
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

/** Unmounts what the scenario left mounted, however it ended. */
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
  'a mount below the root is told and scanned, and what was hidden by it appears when it goes',
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

mountsBothWays('a filesystem that tells no kinds loses no name', async (world, options) => {
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
    const [linux, node] = [linuxGround, nodeGround].map((ground) => listed(ground, nameOfText(world.root)));
    assert.deepEqual(linux, node);
    const kinds = ['directory', 'fifo', 'file', 'link', 'öäü'].map((name) => linux![nameOfText(name)]);
    assert.deepEqual(kinds, ['directory', 'fifo', 'file', 'symlink', 'file']);
  };
  await withMount(world.root, scene, poll ? mountUntyped : mount);
});

function listed(ground: Ground, path: ByteName): Record<string, FileKind | undefined> {
  const directory = ground.openRoot(path);
  const listing = directory.list();
  const found: Record<string, FileKind | undefined> = {};
  for (let entry = listing.next(); entry !== undefined; entry = listing.next())
    found[entry.name] = entry.kind ?? ground.kindOf(directory, entry.name);
  listing.close();
  listing.close();
  directory.close();
  return found;
}
