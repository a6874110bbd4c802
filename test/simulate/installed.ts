/** Programs of other packages that a test needs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** True, with the test skipped, where the program is not installed. */
export function skipUnlessInstalled(t: TestContext, program: string, notTested: string): boolean {
  const found = DIRECTORIES.some((directory) => existsSync(join(directory, program)));
  if (!found) t.skip(`${program} is not installed; not tested: ${notTested}`);
  return !found;
}
