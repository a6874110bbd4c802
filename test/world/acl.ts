/**
 * ACLs of files in tests, by the commands that operators use.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export const setAclOf = (path: string, ...args: string[]): void =>
  void execFileSync('setfacl', [...args, path], { stdio: ['ignore', 'ignore', 'pipe'] });

/** As `user::rw-,group::r--,…`, with numbers for names. */
export const aclTextOf = (path: string): string =>
  execFileSync('getfacl', ['-cnpE', path], { encoding: 'utf8' }).trim().split('\n').join(',');

/** True, and the test is skipped, where the directory's filesystem has no ACLs, or the commands are not installed. */
export function skipWithoutAcls(t: TestContext, directory: string): boolean {
  const path = join(directory, 'acl probe');
  writeFileSync(path, '');
  const hasAcls = spawnSync('setfacl', ['-m', 'u:1:r,m::r', path]).status === 0;
  if (!hasAcls) t.skip(`no setfacl, or ${directory} has no ACLs: ACLs were not tested`);
  return !hasAcls;
}
