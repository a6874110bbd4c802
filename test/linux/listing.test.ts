/**
 * Listings of real directories, compared with their content.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  AT_FDCWD,
  type ByteName,
  bytesOfName,
  DirectoryListing,
  KINDS_OF_TYPES,
  type Kind,
  LinuxError,
  type ListedName,
  nameOfText,
  openDirectory,
} from '../../src/linux/index.js';
import { canMake, loopMount, unmount } from '../world/mounts.js';
import { skipUnlessRoot } from '../world/users.js';
import { directoryFor } from './support.js';

function listed(listing: DirectoryListing<Kind>): ListedName<Kind>[] {
  const all: ListedName<Kind>[] = [];
  for (let entry = listing.next(); entry !== undefined; entry = listing.next()) all.push(entry);
  return all;
}

/** Opens a listing, and always closes it. */
function within<T>(path: string, run: (fd: number) => T): T {
  const fd = openDirectory(AT_FDCWD, nameOfText(path));
  try {
    return run(fd);
  } finally {
    fs.closeSync(fd);
  }
}

const listOf = (path: string): ListedName<Kind>[] =>
  within(path, (fd) => {
    const listing = new DirectoryListing(fd, KINDS_OF_TYPES);
    try {
      return listed(listing);
    } finally {
      listing.close();
      listing.close();
    }
  });

test('every kind of thing by its kind, and no dots but those of names', async (t) => {
  const path = directoryFor(t);
  fs.writeFileSync(join(path, 'file'), '');
  fs.mkdirSync(join(path, '...'));
  fs.symlinkSync('nowhere', join(path, '.link'));
  execFileSync('mkfifo', [join(path, 'fifo')]);
  const server = createServer();
  t.after(() => new Promise((resolve) => server.close(resolve)));
  await new Promise<void>((resolve) => server.listen(join(path, 'socket'), resolve));
  assert.deepEqual(Object.fromEntries(listOf(path).map(({ name, kind }) => [name, kind])), {
    file: 'file',
    '...': 'directory',
    '.link': 'symlink',
    fifo: 'fifo',
    socket: 'socket',
  });
  assert.equal(listOf('/dev').find(({ name }) => name === 'null')?.kind, 'character');
});

test('names of all lengths, byte for byte, over many reads', (t) => {
  const path = directoryFor(t);
  const names = Array.from({ length: 255 }, (_, n) => 'x'.repeat(n + 1) as ByteName);
  const odd = [' ', '\n', '-', '😀', '__proto__'].map(nameOfText);
  names.push(...odd, '\xff\xfe' as ByteName, '\x80'.repeat(255) as ByteName, '..\x01' as ByteName);
  for (const name of names) fs.writeFileSync(Buffer.concat([Buffer.from(`${path}/`), bytesOfName(name)]), '');
  const found = listOf(path).map(({ name }) => name);
  assert.deepEqual(found.sort(), names.sort());
});

test('two listings at a time do not meet, and a buffer that is used again holds nothing of before', (t) => {
  const path = directoryFor(t);
  for (const name of ['a', 'b']) {
    fs.mkdirSync(join(path, name));
    for (let n = 0; n < 3; n++) fs.writeFileSync(join(path, name, `${name}${n}`), '');
  }
  for (let round = 0; round < 3; round++) {
    within(join(path, 'a'), (a) =>
      within(join(path, 'b'), (b) => {
        const [one, other] = [new DirectoryListing(a, KINDS_OF_TYPES), new DirectoryListing(b, KINDS_OF_TYPES)];
        const mixed = [one.next(), other.next(), one.next(), other.next()].map((entry) => entry!.name[0]);
        assert.deepEqual(mixed, ['a', 'b', 'a', 'b']);
        one.close();
        assert.equal(one.next(), undefined, 'closed');
        assert.equal(listed(other).length, 1);
        other.close();
      }),
    );
  }
});

test('a directory that was removed is an empty one, and what is none is an error', (t) => {
  const path = directoryFor(t);
  fs.mkdirSync(join(path, 'gone'));
  within(join(path, 'gone'), (fd) => {
    fs.rmdirSync(join(path, 'gone'));
    assert.equal(new DirectoryListing(fd, KINDS_OF_TYPES).next(), undefined);
  });
  fs.writeFileSync(join(path, 'file'), '');
  const fd = fs.openSync(join(path, 'file'), 'r');
  assert.throws(
    () => new DirectoryListing(fd, KINDS_OF_TYPES).next(),
    (error) => error instanceof LinuxError && error.code === 'ENOTDIR' && error.call === 'getdents64',
  );
  fs.closeSync(fd);
});

for (const type of ['ext4', 'xfs', 'btrfs'] as const)
  test(`a name that came after the directory was opened is listed: ${type}`, (t) => {
    if (skipUnlessRoot(t, `that a directory of ${type} is listed as it is now was not tested`)) return;
    if (!canMake(type)) return t.skip(`no mkfs.${type}: nothing was tested`);
    const path = join(directoryFor(t), 'disk');
    fs.mkdirSync(path);
    loopMount(path, { type });
    try {
      within(path, (fd) => {
        fs.writeFileSync(join(path, 'late'), '');
        const names = listed(new DirectoryListing(fd, KINDS_OF_TYPES)).map(({ name }) => name as string);
        assert(names.includes('late'), String(names));
      });
    } finally {
      unmount(path);
    }
  });
