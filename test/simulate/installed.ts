/** Programs of other packages that a test needs. */
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** True if the program is not installed; then the test is skipped. */
export function skipUnlessInstalled(t: TestContext, program: string, notTested: string): boolean {
  const lacks = program === 'sshd' || program === 'scp' ? lacksLogin() : undefined;
  if (lacks) {
    t.skip(
      `ssh needs an account that may log in, and uid ${process.getuid?.()} has ${lacks}; not tested: ${notTested}`,
    );
    return true;
  }
  const found = DIRECTORIES.some((directory) => existsSync(join(directory, program)));
  if (!found) t.skip(`${program} is not installed; not tested: ${notTested}`);
  return !found;
}

/** Undefined if this user may log in. An account without a shell is often locked too. */
function lacksLogin(): string | undefined {
  try {
    const { shell } = userInfo();
    return /\/(?:nologin|false)$/.test(shell ?? '') ? `the shell ${shell}` : undefined;
  } catch {
    return 'none';
  }
}
