/** Probe files of the doctor: of a hidden name, which every producer ignores, and gone when the question is answered. */
import { randomUUID } from 'node:crypto';
import { closeSync } from 'node:fs';
import { openRoot } from '../../ingest/files/feed-files.js';
import { type ByteName, LinuxError, nameOfText, O, openAt, statAtOrNone, unlinkAt } from '../../linux/index.js';

/** Lower case, so that a directory that folds case finds it under capitals. */
export const probeName = (): ByteName => nameOfText(`.ingest-doctor.${randomUUID()}`);

/** Makes an empty file in an open directory. Errors: LinuxError. */
export function makeProbe(dir: number, name: ByteName): void {
  closeSync(openAt(dir, name, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, { mode: 0o600 }));
}

export function removeProbes(dir: number, ...names: ByteName[]): void {
  for (const name of names) if (statAtOrNone(dir, name)) unlinkAt(dir, name);
}

/** The errno's name of what `act` ran into; undefined where it did what it should. */
export function codeOf(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (!(error instanceof LinuxError)) throw error;
    return error.code;
  }
}

export function withRoot<T>(path: string, use: (dir: number) => T): T {
  const dir = openRoot(path);
  try {
    return use(dir);
  } finally {
    closeSync(dir);
  }
}
