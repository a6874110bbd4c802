/**
 * The SQLite backend for the conformance suite.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { BackendKind } from '../world.js';
import { depthsOff } from './depths-off.js';

export function newStateDir(): { dir: string; path: string; remove(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'queue-'));
  return { dir, path: join(dir, 'state.db'), remove: () => rmSync(dir, { recursive: true }) };
}

function depthsAreTrue(path: string): void {
  if (!existsSync(path)) return;
  const db = new Database(path, { readonly: true });
  try {
    assert.deepEqual(depthsOff(db), []);
  } finally {
    db.close();
  }
}

export const sqlite: BackendKind = {
  name: 'sqlite',
  opener: new URL('./opener.js', import.meta.url).href,
  async make() {
    const { path, remove } = newStateDir();
    const end = async () => {
      depthsAreTrue(path);
      remove();
    };
    return { address: path, remove: end };
  },
};
