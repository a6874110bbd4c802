/**
 * A backup of a state in use: one file, under its own name only when it is whole, checked and on disk.
 * Guarantees: shows one moment of the state; nobody waits for it; overwrites nothing; what a killed one left is removed by
 * the next one of that name.
 * Does not: copy manifests, warehouse or work directories; `rebuild` brings an older state up to date from them.
 */
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { EnvironmentError, OperatorError } from '../../base/errors.js';
import { copyState } from '../../ingest/ledger/open-state.js';
import { move, sync } from './state-file.js';

/** Answers its bytes. Errors: EnvironmentError. */
export function backUp(statePath: string, to: string): number {
  if (statSync(to, { throwIfNoEntry: false })) throw exists(to);
  const making = `${to}.part`;
  try {
    for (const rest of ['', '-journal']) rmSync(`${making}${rest}`, { force: true });
    closeSync(openSync(making, 'wx', 0o600)); // names of files are not for everybody
    copyState(statePath, making);
    sync(making);
    move(making, to);
    sync(dirname(to));
    return statSync(to).size;
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') throw exists(to);
    throw error instanceof OperatorError ? error : unwritable(to, error);
  }
}

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
