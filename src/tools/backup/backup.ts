/**
 * Makes a backup of a state in use: one file, which gets its name only when it is whole, checked and on disk.
 * Guarantees: the backup is the state at one moment. No process waits for it. Nothing is overwritten. A refused one
 * leaves nothing; the next backup of that name removes what a killed one left.
 * Does not: copy manifests, warehouse or work directories; `rebuild` brings an older state up to date from them.
 */
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { EnvironmentError, OperatorError } from '../../base/errors.js';
import { copyState } from '../../ingest/ledger/open-state.js';
import { move, sync } from './state-file.js';

/** Returns its size in bytes. Errors: EnvironmentError. */
export function backUp(statePath: string, to: string): number {
  const making = `${to}.part`;
  try {
    if (statSync(to, { throwIfNoEntry: false })) throw exists(to);
    remove(making);
    closeSync(openSync(making, 'wx', 0o600)); // It contains file names, which not every user may read.
    try {
      copyState(statePath, making);
      sync(making);
      move(making, to);
    } finally {
      remove(making);
    }
    sync(dirname(to));
    return statSync(to).size;
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') throw exists(to);
    throw error instanceof OperatorError ? error : unwritable(to, error);
  }
}

const remove = (making: string): void => {
  for (const rest of ['', '-journal']) rmSync(`${making}${rest}`, { force: true });
};

const exists = (to: string): EnvironmentError =>
  new EnvironmentError(
    'backup_exists',
    `${to} is there already and is not overwritten; name a file that is not there yet.`,
  );

const unwritable = (to: string, error: unknown): EnvironmentError =>
  new EnvironmentError(
    'backup_unwritable',
    `the backup ${to} cannot be written (${(error as Error).message}); check its folder, the space there and its permissions.`,
  );
