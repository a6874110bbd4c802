/** ACLs are mirrored as modes are: of files and directories, and as far as DEST has them. */
import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { aclTextOf, setAclOf, skipWithoutAcls } from '../world/acl.js';
import { ramfsMount } from '../world/mounts.js';
import { isRoot } from '../world/users.js';
import { mirrorWorld } from './mirror-world.js';

const ACL = 'user::rw-,user:54321:rw-,group::---,mask::rw-,other::---';

function guarded(source: string): void {
  mkdirSync(join(source, 'd'));
  setAclOf(join(source, 'd'), '-m', 'u:54321:rx');
  setAclOf(join(source, 'd'), '-d', '-m', 'g:54322:rwx');
  writeFileSync(join(source, 'd/file'), 'content');
  setAclOf(join(source, 'd/file'), '--set', ACL);
}

test('the ACLs of files and directories, and those that directories give on, are mirrored with each scan', async (t) => {
  const { root, source, dest, once } = mirrorWorld(t);
  if (skipWithoutAcls(t, root)) return;
  guarded(source);
  const alike = async () => {
    await once();
    for (const name of ['d', 'd/file']) assert.equal(aclTextOf(join(dest, name)), aclTextOf(join(source, name)));
  };
  await alike();
  assert.equal(aclTextOf(join(dest, 'd/file')), ACL);
  assert.match(aclTextOf(join(dest, 'd')), /user:54321:r-x.*default:group:54322:rwx/);
  // The mode stays, so only the ACL shows it.
  setAclOf(join(source, 'd/file'), '-m', 'u:54323:rw');
  setAclOf(join(source, 'd'), '-d', '-m', 'g:54322:r-x,m::rwx');
  await alike();
  setAclOf(join(source, 'd/file'), '-b');
  setAclOf(join(source, 'd'), '-k');
  await alike();
});

test('a DEST without ACLs gets modes that give nobody more, and they are not set again at each scan', {
  skip: isRoot ? false : 'not root: a filesystem without ACLs was not tested',
}, async (t) => {
  const { root, source, dest, once } = mirrorWorld(t);
  if (skipWithoutAcls(t, root)) return;
  ramfsMount(dest);
  guarded(source);
  await once();
  assert.equal(statSync(join(dest, 'd/file')).mode & 0o777, 0o600);
  assert.equal((await once()).totals.touched, 0);
});
