import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLockFile } from '../../src/linux/index.js';
import { directoryFor, linesOf, startNode } from './support.js';

test('a byte has one exclusive holder, and its neighbours are free', (t) => {
  const path = join(directoryFor(t), 'owners');
  const [one, two] = [openLockFile(path), openLockFile(path)];
  const far = 2 ** 40;
  for (const byte of [0, 7, far]) {
    assert.equal(one.tryLockExclusive(byte), true);
    assert.equal(two.tryLockExclusive(byte), false);
    assert.equal(two.isLocked(byte), true);
    assert.equal(one.isLocked(byte), true);
    assert.equal(two.isLocked(byte + 1), false);
    one.unlock(byte);
    assert.equal(two.isLocked(byte), false);
    assert.equal(two.tryLockExclusive(byte), true);
  }
  one.close();
  two.close();
});

test('shared holders keep an exclusive one out until the last of them has gone', (t) => {
  const path = join(directoryFor(t), 'marker');
  const [one, two, three] = [openLockFile(path), openLockFile(path), openLockFile(path)];
  assert.equal(one.tryLockShared(0), true);
  assert.equal(two.tryLockShared(0), true);
  assert.equal(three.isLocked(0), true);
  assert.equal(three.tryLockExclusive(0), false);
  one.close();
  assert.equal(three.tryLockExclusive(0), false);
  two.close();
  assert.equal(three.tryLockExclusive(0), true);
  three.close();
  three.close();
});

test('closing another descriptor of the file does not drop a lock', (t) => {
  const path = join(directoryFor(t), 'owners');
  const [one, two] = [openLockFile(path), openLockFile(path)];
  assert.equal(one.tryLockExclusive(3), true);
  closeSync(openSync(path, 'r+'));
  assert.equal(two.isLocked(3), true);
  one.close();
  assert.equal(two.isLocked(3), false);
  two.close();
});

test('a killed holder is seen as gone, while a child of its own lives on', async (t) => {
  const path = join(directoryFor(t), 'owners');
  const source = `import { spawn } from 'node:child_process';
    linux.openLockFile(args[0]).tryLockExclusive(9);
    const child = spawn('sleep', ['600'], { stdio: 'ignore', detached: true });
    console.log(child.pid); setInterval(() => {}, 1000);`;
  const holder = startNode(t, source, { args: [path] });
  const pid = Number(await linesOf(holder)());
  t.after(() => process.kill(pid, 'SIGKILL'));
  const asking = openLockFile(path);
  assert.equal(asking.isLocked(9), true);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  assert.equal(asking.isLocked(9), false);
  assert.doesNotThrow(() => process.kill(pid, 0));
  asking.close();
});

test('a lock is seen from another pid namespace', async (t) => {
  const path = join(directoryFor(t), 'owners');
  const one = openLockFile(path);
  assert.equal(one.tryLockExclusive(4), true);
  const source =
    'const f = linux.openLockFile(args[0]); console.log(f.isLocked(4), f.tryLockExclusive(4), f.isLocked(5));';
  const can = spawn('unshare', ['-Urpf', 'true'], { stdio: 'ignore' });
  const [code] = await once(can, 'exit').catch(() => [1]);
  if (code !== 0) return t.skip('no user namespaces here: another pid namespace was not tested');
  const child = startNode(t, source, { args: [path], through: ['unshare', '-Urpf'] });
  assert.equal(await linesOf(child)(), 'true false false');
  one.close();
});

test('a slot is read as it was written, and short at the end of the file', (t) => {
  const path = join(directoryFor(t), 'owners');
  const file = openLockFile(path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(file.read(0, 10).length, 0);
  file.write(1024, Buffer.from('beat'));
  assert.equal(file.read(1024, 512).toString(), 'beat');
  assert.deepEqual(file.read(1020, 6), Buffer.from('\0\0\0\0be'));
  file.close();
});
