import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  AT_FDCWD,
  type Kind,
  nameOfText,
  type Stat,
  setTimes,
  statAt,
  statAtOrNone,
  statFd,
} from '../../src/linux/index.js';
import { directoryFor, openPath } from './support.js';

const statOf = (path: string): Stat => statAt(AT_FDCWD, nameOfText(path));

/** Node's own lstat uses another call of libc. */
function sameAsNode(path: string, kind: Kind): void {
  const { mode, uid, gid, nlink, dev, ino, size, atimeNs, mtimeNs, ctimeNs, version, kind: found } = statOf(path);
  const ours = { kind: found, mode, uid, gid, nlink, dev, ino, size, atimeNs, mtimeNs, ctimeNs };
  const node = fs.lstatSync(path, { bigint: true });
  assert.equal(version, `${node.dev}:${node.ino}:${node.size}:${node.mtimeNs}:${node.ctimeNs}`);
  assert.deepEqual(ours, {
    kind,
    mode: Number(node.mode) & 0o7777,
    uid: Number(node.uid),
    gid: Number(node.gid),
    nlink: Number(node.nlink),
    dev: Number(node.dev),
    ino: node.ino,
    size: Number(node.size),
    atimeNs: node.atimeNs,
    mtimeNs: node.mtimeNs,
    ctimeNs: node.ctimeNs,
  });
}

async function socketIn(t: TestContext, directory: string): Promise<string> {
  const server = createServer().listen(join(directory, 'socket'));
  t.after(() => server.close());
  await once(server, 'listening');
  return join(directory, 'socket');
}

test('every kind of file is reported correctly, and a symlink is not followed', async (t) => {
  const path = directoryFor(t);
  fs.writeFileSync(join(path, 'file'), 'content');
  fs.chmodSync(join(path, 'file'), 0o6751);
  fs.symlinkSync('nowhere', join(path, 'dangling'));
  fs.symlinkSync(path, join(path, 'to-directory'));
  execFileSync('mkfifo', [join(path, 'fifo')]);
  sameAsNode(path, 'directory');
  sameAsNode(join(path, 'file'), 'file');
  assert.equal(statOf(join(path, 'file')).mode, 0o6751);
  sameAsNode(join(path, 'dangling'), 'symlink');
  sameAsNode(join(path, 'to-directory'), 'symlink');
  sameAsNode(join(path, 'fifo'), 'fifo');
  sameAsNode(await socketIn(t, path), 'socket');
  sameAsNode('/dev/null', 'character');
});

test('a block device is reported as one', (t) => {
  const device = fs
    .readdirSync('/dev')
    .map((name) => join('/dev', name))
    .find((each) => fs.lstatSync(each).isBlockDevice());
  if (device === undefined) return t.skip('no block device here: that kind was not tested');
  sameAsNode(device, 'block');
});

test('sizes over 4 GiB and times before 1970 are exact', (t) => {
  const path = join(directoryFor(t), 'file');
  const fd = fs.openSync(path, 'w+');
  fs.ftruncateSync(fd, 2 ** 33 + 5);
  setTimes(fd, 1_700_000_000_123_456_789n, -1_500_000_001n);
  sameAsNode(path, 'file');
  const { size, atimeNs, mtimeNs } = statFd(fd);
  assert.deepEqual(
    { size, atimeNs, mtimeNs },
    { size: 2 ** 33 + 5, atimeNs: 1_700_000_000_123_456_789n, mtimeNs: -1_500_000_001n },
  );
  fs.closeSync(fd);
});

test('nothing there is undefined, anything else an error', (t) => {
  const path = directoryFor(t);
  fs.writeFileSync(join(path, 'file'), '');
  fs.symlinkSync('loop', join(path, 'loop'));
  const dir = openPath(path);
  assert.equal(statAtOrNone(dir, nameOfText('none')), undefined);
  assert.equal(statAtOrNone(dir, nameOfText('file/below')), undefined);
  assert.equal(statAtOrNone(dir, nameOfText('file'))?.kind, 'file');
  assert.throws(() => statAtOrNone(dir, nameOfText('loop/x')), { code: 'ELOOP', call: 'statx' });
  assert.throws(() => statAt(dir, nameOfText('none')), { code: 'ENOENT', call: 'statx', path: 'none' });
  fs.closeSync(dir);
  assert.throws(() => statFd(dir), { code: 'EBADF' });
});

test('the mount id distinguishes two mounts', (t) => {
  const here = statOf(directoryFor(t)).mountId;
  if (here === undefined) return t.skip('this kernel has no mount ids: they were not tested');
  const line = fs
    .readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((each) => each.split(' ')[4] === '/proc');
  assert.equal(statOf('/proc').mountId, BigInt(line!.split(' ')[0]!));
  assert.notEqual(statOf('/proc').mountId, here);
});
