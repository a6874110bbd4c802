/** Programs of other packages that a test needs. */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** True, with the test skipped, where the program is not installed. */
export function skipUnlessInstalled(t: TestContext, program: string, notTested: string): boolean {
  if ((program === 'sshd' || program === 'scp') && !hasAccount()) {
    t.skip(`ssh needs an account for uid ${process.getuid?.()}, and there is none; not tested: ${notTested}`);
    return true;
  }
  const found = DIRECTORIES.some((directory) => existsSync(join(directory, program)));
  if (!found) t.skip(`${program} is not installed; not tested: ${notTested}`);
  return !found;
}

function hasAccount(): boolean {
  try {
    return userInfo().username !== '';
  } catch {
    return false;
  }
}
