/** Probe files of the doctor. They have hidden names, which every producer ignores, and are removed after the check. */
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, statSync } from 'node:fs';
import { errnoOf } from '../../files/place-error.js';
import { openRoot } from '../../ingest/files/feed-files.js';
import { type ByteName, nameOfText, O, openAt, statAtOrNone, unlinkAt, withFd } from '../../linux/index.js';

/** Lower case, so that a directory that ignores case finds it under capitals. */
export const probeName = (): ByteName => nameOfText(`.ingest-doctor.${randomUUID()}`);

/** Creates an empty file in an open directory. Errors: LinuxError. */
export function makeProbe(dir: number, name: ByteName): void {
  closeSync(openAt(dir, name, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, { mode: 0o600 }));
}

export function removeProbes(dir: number, ...names: ByteName[]): void {
  for (const name of names) if (statAtOrNone(dir, name)) unlinkAt(dir, name);
}

/** Returns the errno name if `act` failed; undefined if it succeeded. */
export function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    return code;
  }
}

/** True also where this user may not look: a thing that is closed is not missing. */
export function isThere(path: string): boolean {
  const code = codeOf(() => statSync(path));
  return code !== 'ENOENT' && code !== 'ENOTDIR';
}

/** True if this user sees that it is there, and may not open it. */
export const isClosed = (directory: string): boolean =>
  existsSync(directory) && codeOf(() => withRoot(directory, () => {})) !== undefined;

export const withRoot = <T>(path: string, use: (dir: number) => T): T => withFd(openRoot(path), use);
