/**
 * Checks the path given to `watch`, once, so that a path that can never be watched is refused at once.
 */
import { lstatSync, opendirSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { shownValue } from '../base/config/values/option-rules.js';
import { baseOf, folderOf } from '../files/job-paths.js';
import { type ByteName, bytesOfName, nameOfText, shownName } from '../linux/names.js';
import { WatcherError } from './options/errors.js';
import type { WatchRoot } from './root-watch.js';

/** Errors: WatcherError, op `watch`. */
export function watchRootOf(path: string | Buffer): WatchRoot {
  const name = absolute(nameOf(path));
  if (stat(name).isDirectory()) {
    checkReadable(name, name);
    return { root: name };
  }
  // A symlink to a file reports only its own removal, because its target changes elsewhere.
  if (lstatSync(bytesOfName(name)).isSymbolicLink()) {
    const target = realpathSync(bytesOfName(name), { encoding: 'buffer' });
    throw refusal(name, 'SYMLINK', `it is a symlink to something that is no directory: watch ${target} instead`);
  }
  const root = folderOf(name) === '' ? ('/' as ByteName) : folderOf(name);
  checkReadable(root, name);
  return { root, only: baseOf(name) };
}

export const ownState = (name: ByteName): WatcherError =>
  refusal(
    name,
    'STATE',
    'it is the state of this watcher, which each event changes: name another statePath, or another root',
  );

const refusal = (name: ByteName, code: string, why: string, cause?: unknown): WatcherError =>
  new WatcherError('watch', shownName(name), code, `${shownName(name)} cannot be watched: ${why}.`, { cause });

const nameOfPath = (path: string | Buffer): ByteName =>
  typeof path === 'string' ? nameOfText(path) : (path.toString('latin1') as ByteName);

function nameOf(path: string | Buffer): ByteName {
  const name = typeof path === 'string' || Buffer.isBuffer(path) ? nameOfPath(path) : '';
  if (name !== '' && !name.includes('\0')) return name as ByteName;
  throw new WatcherError(
    'watch',
    '',
    'ERR_INVALID_ARG_VALUE',
    `A root has to be a path, as text or a Buffer, which is not empty and has no NUL, and is ${shownValue(path)}: correct it.`,
  );
}

/** Works on bytes as on text, because `resolve` only looks at slashes and dots. */
const absolute = (name: ByteName): ByteName =>
  (name.startsWith('/') ? resolve(name) : resolve(nameOfText(process.cwd()), name)) as ByteName;

function stat(name: ByteName): Stats {
  try {
    return statSync(bytesOfName(name));
  } catch (error) {
    const code = codeOf(error);
    if (code === 'EACCES')
      throw refusal(
        name,
        code,
        'a directory above it may not be entered (EACCES): give this user the permission',
        error,
      );
    if (code !== 'ENOENT') throw refusal(name, code, `it cannot be read (${code}): correct the path`, error);
    const target = targetOf(name);
    const what = target === undefined ? 'it is not there' : `it is a symlink to ${target}, which is not there`;
    throw refusal(name, code, `${what} (ENOENT): make it, mount it, or correct the path`, error);
  }
}

function targetOf(name: ByteName): string | undefined {
  try {
    return String(readlinkSync(bytesOfName(name)));
  } catch {
    return undefined;
  }
}

/** Without read permission there are no scans and events; without search permission, entries cannot be checked. */
function checkReadable(directory: ByteName, about: ByteName): void {
  try {
    opendirSync(bytesOfName(directory)).closeSync();
    statSync(bytesOfName(`${directory}/.` as ByteName));
  } catch (error) {
    const code = codeOf(error);
    const what = directory === about ? 'this directory' : `its directory ${shownName(directory)}`;
    const next = code === 'EACCES' ? 'give this user the permission to read and to enter it' : 'see to its cause';
    throw refusal(about, code, `${what} cannot be read and entered (${code}): ${next}`, error);
  }
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';
