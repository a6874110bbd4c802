/** A directory for the files that a command makes for itself. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnvironmentError } from '../base/errors.js';
import { errnoOf } from '../files/place-error.js';

/** Removed when `use` has ended. Errors: EnvironmentError where it cannot be made. */
export async function withTemporary<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = made();
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function made(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'atomic-ingestor-'));
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    throw temporaryUnusable(`cannot be used (${code})`);
  }
}

export const temporaryUnusable = (why: string): EnvironmentError =>
  new EnvironmentError(
    'directory_unusable',
    `temporary files lie in ${tmpdir()}, which ${why}; set TMPDIR to a directory that this user may write and that has room.`,
  );
