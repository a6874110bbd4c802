/**
 * Makes a backup of a state in use: one file, which gets its name only when it is whole, checked and on disk.
 * Guarantees: the backup is the state at one moment. No process waits for it. Nothing is overwritten. A refused one
 * leaves nothing; the next backup of that name removes what a killed one left.
 * Does not: copy manifests, warehouse or work directories; `rebuild` brings an older state up to date from them.
 */
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { EnvironmentError, OperatorError } from '../../base/errors.js';
import { startThread } from '../../base/process/threads.js';
import { inPackage } from '../../package.js';
import { move, sync } from './state-file.js';

export interface Copying {
  from: string;
  to: string;
}

/** `copied`: it is still to be checked. Else why it cannot be copied, as an EnvironmentError has it. */
export type Said = 'copied' | { code: string; message: string };

/** The name of a backup until it is whole. */
export const makingOf = (to: string): string => `${to}.part`;

/** Returns its size in bytes. Errors: EnvironmentError. */
export async function backUp(statePath: string, to: string, onCopied: () => void): Promise<number> {
  const making = makingOf(to);
  try {
    if (statSync(to, { throwIfNoEntry: false })) throw exists(to);
    remove(making);
    closeSync(openSync(making, 'wx', 0o600)); // It contains file names, which not every user may read.
    try {
      await copy({ from: statePath, to: making }, onCopied);
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

/** On a thread of its own, as it may take minutes. Errors: EnvironmentError. */
function copy(workerData: Copying, onCopied: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const hear = (said: Said) =>
      said === 'copied' ? onCopied() : reject(new EnvironmentError(said.code, said.message));
    const thread = startThread(inPackage('dist/program/backup-thread.cjs'), { workerData }, hear);
    thread.on('error', reject).on('exit', () => resolve());
  });
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
