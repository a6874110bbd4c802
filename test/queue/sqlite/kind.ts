/** The SQLite backend as the conformance suite wants it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BackendKind } from '../world.js';

export function newStateDir(): { dir: string; path: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'queue-'));
  return { dir, path: join(dir, 'state.db'), remove: () => rmSync(dir, { recursive: true }) };
}

export const sqlite: BackendKind = {
  name: 'sqlite',
  opener: new URL('./opener.js', import.meta.url).href,
  async make() {
    const { path, remove } = newStateDir();
    return { address: path, remove: async () => remove() };
  },
};
