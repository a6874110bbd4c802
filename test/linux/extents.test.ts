import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { cloneFile, fallocateKeepSize, setTimes, statFd, syncFs } from '../../src/linux/index.js';
import { assertSucceeded, directoryFor, onlyRoot, openPath, runNode } from './support.js';

test('space is reserved without making the file longer', (t) => {
  const fd = openSync(join(directoryFor(t), 'file'), 'w');
  if (!fallocateKeepSize(fd, 0, 1_000_000)) return t.skip('this filesystem cannot reserve: it was not tested');
  assert.equal(fstatSync(fd).size, 0);
  assert.ok(fstatSync(fd).blocks * 512 >= 1_000_000);
  closeSync(fd);
  assert.throws(() => fallocateKeepSize(fd, 0, 1), { code: 'EBADF', call: 'fallocate' });
});

test('a full disk says so before a byte is written', { skip: onlyRoot('a mount of one MiB') }, async (t) => {
  const source = `try { linux.fallocateKeepSize(fs.openSync(args[0] + '/file', 'w'), 0, 2 ** 21); } catch (e) { console.log(e.code); }`;
  const mounted = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs -o size=1m none "$0" && exec "$@"'];
  const path = directoryFor(t);
  const result = await runNode(t, source, { args: [path], through: [...mounted, path] });
  assertSucceeded(result);
  assert.equal(result.stdout, 'ENOSPC\n');
});

test('a clone shares the bytes, or the answer is that it cannot', { skip: onlyRoot('a loop mount') }, async (t) => {
  const path = directoryFor(t);
  const image = join(path, 'image');
  try {
    execFileSync('truncate', ['-s', '320M', image]);
    execFileSync('mkfs.xfs', ['-q', image]);
  } catch {
    return t.skip('no mkfs.xfs: a filesystem that clones was not tested');
  }
  const source = `const [here, there] = args; fs.mkdirSync(here, { recursive: true });
    fs.writeFileSync(here + '/source', 'content');
    const clone = (dir) => linux.cloneFile(fs.openSync(dir + '/copy', 'w'), fs.openSync(here + '/source'));
    console.log(clone(here), fs.readFileSync(here + '/copy', 'utf8'), clone(there));`;
  const mounted = ['unshare', '-m', 'sh', '-c', 'mkdir "$0/m" && mount -o loop "$0/image" "$0/m" && exec "$@"'];
  const result = await runNode(t, source, { args: [join(path, 'm'), path], through: [...mounted, path] });
  assertSucceeded(result);
  assert.equal(result.stdout, 'true content false\n');
});

test('a clone to a descriptor that is not open is an error', (t) => {
  const path = join(directoryFor(t), 'file');
  writeFileSync(path, 'x');
  const fd = openSync(path, 'r');
  closeSync(fd);
  assert.throws(() => cloneFile(fd, fd), { code: 'EBADF' });
  assert.equal(readFileSync(path, 'utf8'), 'x');
});

test('syncFs resolves, and rejects with a typed error', async (t) => {
  const dir = openPath(directoryFor(t));
  await syncFs(dir);
  closeSync(dir);
  await assert.rejects(syncFs(dir), { name: 'LinuxError', code: 'EBADF', call: 'syncfs' });
});

test('a process ends by process.exit after syncFs, and in the middle of it', async (t) => {
  const dir = directoryFor(t);
  const source = `const fd = linux.openDirectory(linux.AT_FDCWD, linux.nameOfText(args[0]));
    if (args[1] === 'after') await linux.syncFs(fd); else linux.syncFs(fd);
    process.exit(7);`;
  for (const when of ['after', 'during']) assert.equal((await runNode(t, source, { args: [dir, when] })).code, 7);
});

test('times are set to the nanosecond, before 1970 too', (t) => {
  const fd = openSync(join(directoryFor(t), 'file'), 'w');
  for (const [atimeNs, mtimeNs] of [
    [1n, -1n],
    [0n, 1_999_999_999n],
    [-2_000_000_000n, 4_000_000_000_000_000_001n],
  ] as const) {
    setTimes(fd, atimeNs, mtimeNs);
    assert.equal(statFd(fd).atimeNs, atimeNs);
    assert.equal(statFd(fd).mtimeNs, mtimeNs);
  }
  closeSync(fd);
  assert.throws(() => setTimes(fd, 0n, 0n), { code: 'EBADF', call: 'futimens' });
});
