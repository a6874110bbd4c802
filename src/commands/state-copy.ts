/**
 * Reads a state without leaving a trace: SQLite makes `-shm` and `-wal` beside a database that it only reads, and
 * cannot open one on a read-only mount at all. So a state at rest is copied aside and the copy is read.
 * Guarantees: never reads a half-written copy: it is taken again when the state changed meanwhile; a state that keeps
 * changing has living processes, whose files are there already, and is opened where it lies.
 */
import { constants, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileVersion, type QueueView } from '../../queue/index.js';
import { openStateView } from '../ingest/ledger/open-state.js';

const TRIES = 3;

/** `use` gets undefined where there is no state yet. */
export async function withStateCopy<T>(path: string, use: (view: QueueView | undefined) => Promise<T>): Promise<T> {
  if (!existsSync(path)) return use(undefined);
  const folder = mkdtempSync(join(tmpdir(), 'atomic-ingestor-'));
  try {
    const copy = join(folder, 'state.db');
    const view = await openStateView(copied(path, copy) ? copy : path);
    try {
      return await use(view);
    } finally {
      await view.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** This process has no connection to the state, so reading it here cannot drop anybody's locks. */
function copied(path: string, copy: string): boolean {
  for (let tries = 0; tries < TRIES; tries++) {
    const before = fileVersion(path);
    copyFileSync(path, copy, constants.COPYFILE_FICLONE);
    rmSync(`${copy}-wal`, { force: true });
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`, constants.COPYFILE_FICLONE);
    if (fileVersion(path) === before) return true;
  }
  return false;
}
