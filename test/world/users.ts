/**
 * Running a command as somebody who is not root.
 * Guarantees: as root, the given user exists by number alone (no account is needed); otherwise it is ourselves.
 */
import { execFileSync } from 'node:child_process';
import { chownSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { PACKAGE } from './program.js';

export interface User {
  uid: number;
  gid: number;
}

export const isRoot = process.getuid?.() === 0;

/** Somebody without any capability. */
export const ordinaryUser: User = isRoot
  ? { uid: 65534, gid: 65534 }
  : { uid: process.getuid!(), gid: process.getgid!() };

/** A second one, for uploads by somebody else; there is none unless we are root. */
export const otherUser: User | undefined = isRoot ? { uid: 65533, gid: 65534 } : undefined;

/** `notTested` is a whole sentence. */
export function skipUnlessRoot(t: TestContext, notTested: string): boolean {
  if (!isRoot) t.skip(`not run as root: ${notTested}`);
  return !isRoot;
}

/** True, with the test skipped, where an ordinary user cannot even read the program (a package below /root). */
export function skipUnlessReachable(t: TestContext, user: User, notTested: string): boolean {
  try {
    execFileSync(process.execPath, ['-e', `require('fs').readdirSync(${JSON.stringify(PACKAGE)})`], {
      ...user,
      stdio: 'ignore',
      cwd: '/',
    });
    return false;
  } catch {
    t.skip(`uid ${user.uid} cannot read ${PACKAGE}: ${notTested}`);
    return true;
  }
}

/** Gives paths to the user; nothing to do when that is ourselves. */
export function give(user: User, ...paths: string[]): void {
  if (isRoot) for (const path of paths) chownSync(path, user.uid, user.gid);
}
