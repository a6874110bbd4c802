/** A copy has the owner, mode and ACL of its source, and never gives anybody more than its source did. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, closeSync, mkdirSync, openSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hasRights, keepAttributes, rightsOf } from '../../src/files/attributes.js';
import { statFd } from '../../src/linux/index.js';
import { aclTextOf, setAclOf, skipWithoutAcls } from '../world/acl.js';
import { ramfsMount } from '../world/mounts.js';
import { asSomebody, isRoot, ordinaryUser } from '../world/users.js';
import { folderFor } from './folder.js';

const ACL = 'user::rw-,user:54321:rw-,group::---,mask::rw-,other::---';
const skip = isRoot ? false : 'not root: ';

/** Gives the attributes of `from` to `to`, which is made; returns its mode. */
function likened(from: string, to: string): number {
  writeFileSync(to, '', { mode: 0o600 });
  const [source, copy] = [openSync(from, 'r'), openSync(to, 'r')];
  const rights = rightsOf(source, statFd(source));
  keepAttributes(copy, source, statFd(source));
  assert.equal(hasRights(copy, statFd(copy), rights), true, 'doing it again would change nothing');
  for (const fd of [source, copy]) closeSync(fd);
  return statSync(to).mode & 0o7777;
}

function sourceIn(folder: string, mode = 0o600): string {
  const path = join(folder, 'source');
  writeFileSync(path, '');
  chmodSync(path, mode);
  return path;
}

test('the ACL is kept, and its mask is not taken for the rights of the group', (t) => {
  const folder = folderFor(t);
  if (skipWithoutAcls(t, folder)) return;
  const source = sourceIn(folder);
  setAclOf(source, '-m', 'u:54321:rw,g::---,m::rw');
  likened(source, join(folder, 'copy'));
  assert.equal(aclTextOf(join(folder, 'copy')), ACL);
});

test('what a directory gives to each new file is taken away where the source does not have it', (t) => {
  const folder = folderFor(t);
  if (skipWithoutAcls(t, folder)) return;
  const source = sourceIn(folder, 0o640);
  mkdirSync(join(folder, 'into'));
  setAclOf(join(folder, 'into'), '-d', '-m', 'u:54321:rw,m::rw');
  likened(source, join(folder, 'into/copy'));
  assert.equal(aclTextOf(join(folder, 'into/copy')), 'user::rw-,group::r--,other::---');
});

test('another ACL, owner or mode is a difference', (t) => {
  const folder = folderFor(t);
  if (skipWithoutAcls(t, folder)) return;
  const source = sourceIn(folder, 0o640);
  setAclOf(source, '-m', 'u:54321:r');
  const copy = join(folder, 'copy');
  likened(source, copy);
  setAclOf(copy, '-m', 'u:54321:-');
  const [from, to] = [openSync(source, 'r'), openSync(copy, 'r')];
  assert.equal(hasRights(to, statFd(to), rightsOf(from, statFd(from))), false);
  for (const fd of [from, to]) closeSync(fd);
});

test('where ACLs cannot be kept, the group gets its own entry and never the mask', {
  skip: skip && `${skip}a filesystem without ACLs was not tested`,
}, (t) => {
  const folder = folderFor(t);
  const without = ramfsMount(join(folder, 'without'));
  if (skipWithoutAcls(t, folder)) return;
  const source = sourceIn(folder);
  setAclOf(source, '-m', 'u:54321:rw,g::---,m::rw');
  assert.equal(likened(source, join(without, 'copy')), 0o600);
  setAclOf(source, '-m', 'g::r');
  assert.equal(likened(source, join(without, 'copy')), 0o640);
});

test('a copy that belongs to another user has no set-id bits, and keeps a group of that user', {
  skip: skip && `${skip}another user's files were not tested`,
}, async (t) => {
  const folder = folderFor(t);
  const source = sourceIn(folder, 0o6755);
  chownSync(source, 1_234, 2_345);
  chmodSync(source, 0o6755);
  chownSync(folder, ordinaryUser.uid, -1);
  const groups = process.getgroups!();
  process.setgroups!([...groups, 2_345]);
  t.after(() => process.setgroups!(groups));
  await asSomebody(async () => void likened(source, join(folder, 'copy')));
  const { uid, gid, mode } = statSync(join(folder, 'copy'));
  assert.deepEqual([uid, gid, mode & 0o7777], [ordinaryUser.uid, 2_345, 0o755]);
});
