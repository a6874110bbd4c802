/**
 * Runs a command as a user who is not root.
 * Guarantees: as root, the given user exists only as a number (no account is needed); otherwise it is the current user.
 */
import { execFileSync } from 'node:child_process';
import { chownSync, fchownSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { PACKAGE } from './program.js';

export interface User {
  uid: number;
  gid: number;
}

export const isRoot = process.getuid?.() === 0;

/** A user without any capability. */
export const ordinaryUser: User = isRoot
  ? { uid: 65534, gid: 65534 }
  : { uid: process.getuid!(), gid: process.getgid!() };

/** A second user, for uploads by another one; undefined unless we are root. */
export const otherUser: User | undefined = isRoot ? { uid: 65533, gid: 65534 } : undefined;

/** Runs it in this process as a user for whom permissions count. */
export async function asSomebody(run: () => Promise<void>): Promise<void> {
  if (isRoot) process.seteuid!(ordinaryUser.uid);
  try {
    await run();
  } finally {
    if (isRoot) process.seteuid!(0);
  }
}

/** `notTested` is a whole sentence. */
export function skipUnlessRoot(t: TestContext, notTested: string): boolean {
  if (!isRoot) t.skip(`not run as root: ${notTested}`);
  return !isRoot;
}

/** False if the user cannot even read the program (a package below /root). */
function isReachable(user: User): boolean {
  try {
    execFileSync(process.execPath, ['-e', `require('fs').readdirSync(${JSON.stringify(PACKAGE)})`], {
      ...user,
      stdio: 'ignore',
      cwd: '/',
    });
    return true;
  } catch {
    return false;
  }
}

/** True if the program is not reachable; then the test is skipped. */
export function skipUnlessReachable(t: TestContext, user: User, notTested: string): boolean {
  const reachable = isReachable(user);
  if (!reachable) t.skip(`uid ${user.uid} cannot read ${PACKAGE}: ${notTested}`);
  return !reachable;
}

/** The user that runs the service of a machine: another one than root, if possible. */
export function serviceUser(t: TestContext): User | undefined {
  if (isRoot && isReachable(ordinaryUser)) return ordinaryUser;
  t.diagnostic(
    `everything runs as uid ${process.getuid?.()}: what the service's user and root may do was not distinguished (it takes root, and a package that all can read)`,
  );
  return undefined;
}

/**
 * Shell functions for commands as the runbook writes them: `sudo -u` changes to the service's user, `sudo` runs as the
 * current user, and files given to the service's account are given to that user.
 */
export function sudoShims(service: User | undefined): string {
  const as = service ? `setpriv --reuid=${service.uid} --regid=${service.gid} --clear-groups` : '';
  const give = service ? `command chown ${service.uid}:${service.gid}` : ':';
  return `
    sudo() { if [ "$1" = -u ]; then shift 2; ${as} "$@"; else "$@"; fi; }
    chown() { shift; ${give} "$@"; }
    install() {
      local kept=() made=()
      while [ "$#" -gt 0 ]; do
        case $1 in -o | -g) shift 2 ;; -m) kept+=("$1" "$2"); shift 2 ;; -*) kept+=("$1"); shift ;; *) made+=("$1"); shift ;; esac
      done
      command install "\${kept[@]}" "\${made[@]}" && ${give} "\${made[@]}"
    }`;
}

/** Gives an open file to the user. */
export function giveOpen(user: User, fd: number): void {
  if (isRoot) fchownSync(fd, user.uid, user.gid);
}

/** Gives paths to the user; does nothing if that is the current user. */
export function give(user: User, ...paths: string[]): void {
  if (isRoot) for (const path of paths) chownSync(path, user.uid, user.gid);
}
