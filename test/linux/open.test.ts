import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdirSync, readFileSync, readSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import {
  AT_FDCWD,
  type ByteName,
  LinuxError,
  nameOfBytes,
  nameOfText,
  O,
  openAt,
  openData,
  openDirectory,
  statFd,
} from '../../src/linux/index.js';
import { assertSucceeded, directoryFor, onlyRoot, openPath, runNode } from './support.js';

const failsWith = (code: string) => (error: unknown) => error instanceof LinuxError && error.code === code;
const flagsOf = (fd: number) =>
  Number.parseInt(/flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1]!, 8);

test('below a directory no symlink, no `..` and no absolute path leads out', (t) => {
  const path = directoryFor(t);
  mkdirSync(join(path, 'real'));
  writeFileSync(join(path, 'real/file'), 'x');
  symlinkSync('real', join(path, 'swapped'));
  const dir = openPath(path);
  assert.throws(() => openData(dir, nameOfText('swapped/file')), failsWith('ELOOP'));
  assert.throws(() => openDirectory(dir, nameOfText('swapped')), failsWith('ELOOP'));
  assert.throws(() => openData(dir, nameOfText('../x')), failsWith('EXDEV'));
  assert.throws(() => openData(dir, nameOfText('/etc/passwd')), failsWith('EXDEV'));
  closeSync(openAt(dir, nameOfText('swapped/file'), O.RDONLY, { resolve: 'any' }));
  closeSync(openData(dir, nameOfText('real/file')));
  closeSync(dir);
});

test('a directory that is moved out at that moment is not there: that is no way out', async (t) => {
  const path = directoryFor(t);
  const deep = `moved/${Array.from({ length: 40 }, (_, i) => i).join('/')}`;
  mkdirSync(join(path, 'root', deep), { recursive: true });
  const dir = openPath(join(path, 'root'));
  const body = `const { renameSync } = require('node:fs');
    for (let i = 0; i < 60_000; i++) {
      renameSync(${JSON.stringify(join(path, 'root/moved'))}, ${JSON.stringify(join(path, 'away'))});
      renameSync(${JSON.stringify(join(path, 'away'))}, ${JSON.stringify(join(path, 'root/moved'))});
    }`;
  const mover = new Worker(body, { eval: true });
  let moves = true;
  const ended = once(mover, 'exit').then(() => {
    moves = false;
  });
  const codes = new Map<string, number>();
  const count = (code: string) => codes.set(code, (codes.get(code) ?? 0) + 1);
  for (; moves; await new Promise(setImmediate)) {
    for (let i = 0; i < 100; i++) {
      try {
        closeSync(openDirectory(dir, nameOfText(deep)));
        count('opened');
      } catch (error) {
        count((error as LinuxError).code);
      }
    }
  }
  await ended;
  closeSync(dir);
  t.diagnostic(JSON.stringify(Object.fromEntries(codes)));
  assert.deepEqual([...codes.keys()].sort(), ['ENOENT', 'opened']);
});

test('an error says code, errno, call and path', (t) => {
  const dir = openPath(directoryFor(t));
  assert.throws(() => openData(dir, nameOfText('nö')), {
    name: 'LinuxError',
    code: 'ENOENT',
    errno: 2,
    call: 'openat2',
    path: 'nö',
    message: "ENOENT: no such file or directory, openat2 'nö'",
  });
  closeSync(dir);
});

test('everything is close-on-exec', (t) => {
  const path = directoryFor(t);
  writeFileSync(join(path, 'file'), '');
  const dir = openPath(path);
  for (const fd of [dir, openData(dir, nameOfText('file')), openAt(dir, nameOfText('new'), O.RDWR | O.CREAT)]) {
    assert.notEqual(flagsOf(fd) & O.CLOEXEC, 0);
    closeSync(fd);
  }
});

test('openData leaves the atime alone, and falls back where it may not', {
  skip: onlyRoot('another uid'),
}, async (t) => {
  const path = directoryFor(t);
  writeFileSync(join(path, 'file'), 'x');
  for (const [each, mode] of [
    [path, 0o755],
    [join(path, 'file'), 0o644],
  ] as const)
    chmodSync(each, mode);
  const fd = openData(AT_FDCWD, nameOfText(join(path, 'file')));
  assert.notEqual(flagsOf(fd) & O.NOATIME, 0);
  closeSync(fd);
  const other = `process.setuid(65534);
    const fd = linux.openData(linux.AT_FDCWD, linux.nameOfText(args[0]));
    process.stdout.write(fs.readFileSync('/proc/self/fdinfo/' + fd, 'utf8'));`;
  const result = await runNode(t, other, { args: [join(path, 'file')] });
  assertSucceeded(result);
  assert.equal(Number.parseInt(/flags:\s*(\d+)/.exec(result.stdout)![1]!, 8) & O.NOATIME, 0);
});

test('openData does not wait for the writer of a FIFO and does not follow a symlink', (t) => {
  const path = directoryFor(t);
  execFileSync('mkfifo', [join(path, 'fifo')]);
  symlinkSync('/etc/passwd', join(path, 'link'));
  const fd = openData(AT_FDCWD, nameOfText(join(path, 'fifo')));
  assert.equal(statFd(fd).kind, 'fifo');
  closeSync(fd);
  assert.throws(() => openData(AT_FDCWD, nameOfText(join(path, 'link'))), failsWith('ELOOP'));
});

test('names of any bytes, up to 255 of them, come through unchanged', (t) => {
  const path = directoryFor(t);
  const dir = openPath(path);
  const longest = nameOfBytes(Buffer.alloc(255, 0xff));
  for (const name of [longest, nameOfBytes(Buffer.from([0x0a, 0xc3, 0x28, 0x22, 0x01])), nameOfText(' -ü🐘')]) {
    closeSync(openAt(dir, name, O.WRONLY | O.CREAT | O.EXCL));
    const raw = Buffer.concat([Buffer.from(`${path}/`), Buffer.from(name, 'latin1')]);
    assert.equal(readFileSync(raw).length, 0);
  }
  assert.throws(() => openData(dir, nameOfBytes(Buffer.alloc(256, 0xff))), failsWith('ENAMETOOLONG'));
  closeSync(dir);
});

test('what the kernel would read as another name is refused', (t) => {
  const path = directoryFor(t);
  writeFileSync(join(path, 'a'), '');
  const dir = openPath(path);
  assert.throws(() => openData(dir, 'a\0b' as ByteName), failsWith('EINVAL'));
  assert.throws(() => openData(dir, '\u0161' as ByteName), { code: 'ERR_ASSERTION' });
  assert.throws(() => openData(dir, 'a/'.repeat(3000) as ByteName), failsWith('ENAMETOOLONG'));
  closeSync(dir);
});

test('the mode of a new file is what was asked', (t) => {
  const dir = openPath(directoryFor(t));
  const fd = openAt(dir, nameOfText('new'), O.RDWR | O.CREAT | O.EXCL, { mode: 0o640 });
  assert.equal(statFd(fd).mode, 0o640 & ~process.umask());
  assert.equal(readSync(fd, Buffer.alloc(1)), 0);
  closeSync(fd);
  closeSync(dir);
});

test('the flags are those of this architecture', () => {
  const differing = { x64: [0o200000, 0o400000, 0o40000], arm64: [0o40000, 0o100000, 0o200000] };
  const expected = differing[process.arch as keyof typeof differing];
  assert.deepEqual([O.DIRECTORY, O.NOFOLLOW, O.DIRECT], expected);
});
