import assert from 'node:assert/strict';
import { chmodSync, closeSync, constants, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import koffi from 'koffi';
import { AT_FDCWD, nameOfText, openData, openDirectory, probeLease } from '../../src/linux/index.js';
import { assertSucceeded, directoryFor, ended, linesOf, onlyRoot, runNode, startNode } from './support.js';

const opened = (path: string): number => openData(AT_FDCWD, nameOfText(path));

test('a file is free until somebody opens it for writing, and again when that one closes it', (t) => {
  const path = join(directoryFor(t), 'file');
  writeFileSync(path, 'x');
  const fd = opened(path);
  assert.equal(probeLease(fd), 'free');
  const reader = openSync(path, 'r');
  assert.equal(probeLease(fd), 'free');
  const writer = openSync(path, 'a');
  assert.equal(probeLease(fd), 'writer');
  closeSync(writer);
  assert.equal(probeLease(fd), 'free');
  for (const each of [fd, reader]) closeSync(each);
});

test('a writer that has closed the file but keeps it mapped is still seen', (t) => {
  const path = join(directoryFor(t), 'file');
  writeFileSync(path, Buffer.alloc(4096));
  const libc = koffi.load(null);
  const mmap = libc.func('void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset)');
  const munmap = libc.func('int munmap(void *at, size_t length)');
  const [READ_WRITE, SHARED] = [3, 1];
  const writer = openSync(path, 'r+');
  const mapping = mmap(null, 4096, READ_WRITE, SHARED, writer, 0);
  closeSync(writer);
  const fd = opened(path);
  assert.equal(probeLease(fd), 'writer');
  assert.equal(munmap(mapping, 4096), 0);
  assert.equal(probeLease(fd), 'free');
  closeSync(fd);
});

test('a probe leaves no lease', (t) => {
  const path = join(directoryFor(t), 'file');
  writeFileSync(path, 'x');
  const fd = opened(path);
  for (let round = 0; round < 100; round++) {
    assert.equal(probeLease(fd), 'free');
    // This returns EAGAIN at once if there is a lease.
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  }
  closeSync(fd);
});

test('kinds of files without leases are reported as unsupported, and a bad descriptor is an error', (t) => {
  const path = directoryFor(t);
  mkdirSync(join(path, 'directory'));
  const fd = openDirectory(AT_FDCWD, nameOfText(join(path, 'directory')));
  assert.equal(probeLease(fd), 'unsupported');
  closeSync(fd);
  assert.throws(() => probeLease(fd), { code: 'EBADF' });
});

test("another user's file is denied without CAP_LEASE", { skip: onlyRoot('a file of another uid') }, async (t) => {
  const path = directoryFor(t);
  writeFileSync(join(path, 'file'), 'x');
  for (const [each, mode] of [
    [path, 0o755],
    [join(path, 'file'), 0o644],
  ] as const)
    chmodSync(each, mode);
  const source = `process.setuid(65534);
    console.log(linux.probeLease(linux.openData(linux.AT_FDCWD, linux.nameOfText(args[0]))));`;
  const result = await runNode(t, source, { args: [join(path, 'file')] });
  assertSucceeded(result);
  assert.equal(result.stdout, 'denied\n');
});

/**
 * Releases a lease of another thread, as the kernel does after `lease-break-time` with a lease of a stopped process.
 */
const TAKEN_AWAY = `import { Worker } from 'node:worker_threads';
  const fd = linux.openData(linux.AT_FDCWD, linux.nameOfText(args[0]));
  const body = "import('" + args[1] + "').then(({ fcntl }) => { for (;;) fcntl(" + fd + ", 1024, 'int', 2); })";
  const worker = new Worker(body, { eval: true });
  await new Promise((resolve) => worker.on('online', resolve));
  const answers = new Set();
  for (const end = Date.now() + 30_000; answers.size < 2 && Date.now() < end; ) answers.add(linux.probeLease(fd));
  console.log([...answers].sort().join());
  process.exit();`;

test('if the kernel removes a lease during the probe, the answer is that there is a writer', async (t) => {
  const path = join(directoryFor(t), 'file');
  writeFileSync(path, 'x');
  const libc = new URL('../../src/linux/libc.js', import.meta.url).href;
  const result = await runNode(t, TAKEN_AWAY, { args: [path, libc] });
  assertSucceeded(result);
  assert.equal(result.stdout, 'free,writer\n');
});

/** Takes a lease and keeps it, as a probe never does, until somebody opens the file. */
const HOLDER = `const { fcntl } = await import(args[1]);
  const fd = fs.openSync(args[0], 'r');
  if (args[2] === 'probed') linux.probeLease(fd);
  fcntl(fd, 1024, 'int', 0);
  console.log('holding');
  // F_GETLEASE returns the type that the lease will have after the break.
  const wait = setInterval(() => { if (fcntl(fd, 1025) === 2) { clearInterval(wait); fcntl(fd, 1024, 'int', 2); console.log('given back'); } }, 2);`;

for (const [first, then, signal] of [
  ['probed', 'survives a lease break', null],
  ['unprobed', 'dies of it', 'SIGIO'],
] as const) {
  test(`a process that has ${first} ${then}`, async (t) => {
    const path = join(directoryFor(t), 'file');
    writeFileSync(path, 'x');
    const libc = new URL('../../src/linux/libc.js', import.meta.url).href;
    const holder = startNode(t, HOLDER, { args: [path, libc, first] });
    const line = linesOf(holder);
    assert.equal(await line(), 'holding');
    const end = ended(holder);
    const writer = await runNode(t, `fs.closeSync(fs.openSync(args[0], 'a'));`, { args: [path] });
    assertSucceeded(writer);
    assert.equal((await end).signal, signal);
    if (signal === null) assert.equal(await line(), 'given back');
  });
}
