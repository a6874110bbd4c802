/** A directory of one test, removed after it. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

export function temporary(t: TestContext): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'process-')));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}
