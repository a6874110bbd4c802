/**
 * Reads a state without leaving a trace: SQLite makes `-shm` and `-wal` beside a database that it only reads, and
 * cannot open one on a read-only mount at all. So a state at rest is copied aside and the copy is read.
 * Guarantees: never reads a half-written copy: it is taken again when the state changed meanwhile; a state that keeps
 * changing has living processes, whose files are there already, and is opened where it lies.
 */
import { constants, copyFileSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isFull } from '../../queue/errors.js';
import { fileVersion, type QueueView } from '../../queue/index.js';
import { EnvironmentError } from '../base/errors.js';
import { withStateAt } from './state.js';
import { temporaryUnusable, withTemporary } from './temporary.js';

const TRIES = 3;

/** `use` gets undefined where there is no state yet. */
export async function withStateCopy<T>(path: string, use: (view: QueueView | undefined) => Promise<T>): Promise<T> {
  if (!existsSync(path)) return use(undefined);
  return withTemporary(async (folder) => {
    const copy = join(folder, 'state.db');
    return withStateAt(copied(path, copy) ? copy : path, use).catch((error: unknown) => {
      throw ofState(error, copy, path);
    });
  });
}

/** A refusal names the state, and not its copy. */
const ofState = (error: unknown, copy: string, path: string): unknown =>
  error instanceof EnvironmentError ? new EnvironmentError(error.code, error.message.replaceAll(copy, path)) : error;

/** This process has no connection to the state, so reading it here cannot drop anybody's locks. */
function copied(path: string, copy: string): boolean {
  for (let tries = 0; tries < TRIES; tries++) {
    const before = fileVersion(path);
    copyAside(path, copy);
    rmSync(`${copy}-wal`, { force: true });
    if (existsSync(`${path}-wal`)) copyAside(`${path}-wal`, `${copy}-wal`);
    if (fileVersion(path) === before) return true;
  }
  return false;
}

function copyAside(from: string, to: string): void {
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
  } catch (error) {
    if (isFull(error)) throw temporaryUnusable('has no room for a copy of the state');
    throw error;
  }
}
