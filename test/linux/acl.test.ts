import assert from 'node:assert/strict';
import { chmodSync, closeSync, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type AclKind, aclOf, modeWithoutAcl, setAcl } from '../../src/linux/index.js';
import { aclTextOf, setAclOf, skipWithoutAcls } from '../world/acl.js';
import { ramfsMount, unmount } from '../world/mounts.js';
import { directoryFor, onlyRoot } from './support.js';

function opened(t: TestContext, path: string): number {
  const fd = openSync(path, 'r');
  t.after(() => closeSync(fd));
  return fd;
}

function fileIn(directory: string, name: string): string {
  writeFileSync(join(directory, name), '');
  chmodSync(join(directory, name), 0o640);
  return join(directory, name);
}

test('an ACL is read, set on another file, and removed again', (t) => {
  const directory = directoryFor(t);
  if (skipWithoutAcls(t, directory)) return;
  const [a, b] = [fileIn(directory, 'a'), fileIn(directory, 'b')];
  const [from, to] = [opened(t, a), opened(t, b)];
  assert.equal(aclOf(from), 'none');
  setAclOf(a, '-m', 'u:54321:rw,g:54322:r,g::---,m::rw');
  const acl = aclOf(from);
  assert(typeof acl !== 'string');
  assert.equal(setAcl(to, acl), true);
  assert.equal(aclTextOf(b), 'user::rw-,user:54321:rw-,group::---,group:54322:r--,mask::rw-,other::---');
  assert.equal(aclTextOf(b), aclTextOf(a));
  for (let twice = 0; twice < 2; twice++) assert.equal(setAcl(to, 'none'), true);
  assert.equal(aclOf(to), 'none');
});

test('the ACL that a directory gives to what is made in it is another one', (t) => {
  const directory = directoryFor(t);
  if (skipWithoutAcls(t, directory)) return;
  setAclOf(directory, '-d', '-m', 'u:54321:rwx');
  const fd = opened(t, directory);
  const both: AclKind[] = ['access', 'default'];
  assert.deepEqual(
    both.map((kind) => typeof aclOf(fd, kind)),
    ['string', 'object'],
  );
  assert.equal(setAcl(fd, 'none', 'default'), true);
  assert.equal(aclOf(fd, 'default'), 'none');
});

test('without its ACL a file gives nobody more than with it', (t) => {
  const directory = directoryFor(t);
  if (skipWithoutAcls(t, directory)) return;
  const cases: [acl: string, mode: number][] = [
    // The mode of the file has the mask in place of the group: 0o660, 0o670, …
    ['u::rw,u:54321:rw,g::---,m::rw,o::---', 0o600],
    ['u::rw,g:54321:rwx,g::r,m::rwx,o::---', 0o640],
    ['u::rw,u:54321:rwx,g::rwx,m::r,o::r', 0o644],
    // A right that somebody was denied by name would come back by the other bits.
    ['u::rw,u:54321:---,g::rw,m::rw,o::r', 0o600],
    ['u::rw,g:54321:---,g::rw,m::rw,o::r', 0o660],
  ];
  for (const [i, [acl, mode]] of cases.entries()) {
    const path = fileIn(directory, `file ${i}`);
    setAclOf(path, '--set', acl);
    const read = aclOf(opened(t, path));
    assert(typeof read !== 'string');
    assert.equal(modeWithoutAcl(read, statSync(path).mode & 0o7777).toString(8), mode.toString(8), acl);
  }
});

test('a filesystem without ACLs says so', { skip: onlyRoot('a filesystem without ACLs') }, (t) => {
  const directory = directoryFor(t);
  const without = ramfsMount(join(directory, 'without'));
  const fd = openSync(fileIn(without, 'file'), 'r');
  try {
    assert.equal(aclOf(fd), 'unsupported');
    const likeItsMode = Buffer.from('02000000010006000000000004000400ffffffff20000000ffffffff', 'hex');
    assert.equal(setAcl(fd, likeItsMode), false);
  } finally {
    closeSync(fd);
    unmount(without);
  }
});
