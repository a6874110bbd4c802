/**
 * A directory for a scenario, which may mount in it, and one opened as the root of `Directories`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Directories } from '../../src/files/directories.js';
import { openRoot } from '../../src/ingest/files/feed-files.js';
import { release } from '../world/mounts.js';

export function folderFor(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'files-test-'));
  t.after(() => {
    release(path);
    rmSync(path, { recursive: true, force: true });
  });
  return path;
}

export function directoriesIn(t: TestContext, path: string): Directories {
  const directories = new Directories(openRoot(path));
  t.after(() => directories.close());
  return directories;
}
