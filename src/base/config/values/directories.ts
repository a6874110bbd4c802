/**
 * The folders that the options name: they exist, they are directories, and none lies in another's way.
 * Guarantees: compares real paths (symlinks and `..` resolved); changes nothing on disk.
 * Does not: make a missing folder: a warehouse that is not mounted must be noticed, not replaced by an empty one.
 */
import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { toUSVString } from 'node:util';
import { EnvironmentError, OperatorError } from '../../errors.js';
import { quoted } from '../../shell.js';

/** A folder with the words for it in a sentence. */
export interface Folder {
  origin: string;
  path: string;
}

/** The real path of an existing directory, or a sentence. */
export function realDirectory(origin: string, given: string): string {
  const path = asText(origin, resolve(given));
  let isDirectory: boolean;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch (error) {
    throw unusable(origin, path, (error as NodeJS.ErrnoException).code ?? String(error));
  }
  if (!isDirectory) {
    throw new EnvironmentError(
      'not_a_directory',
      `${origin} must be a directory, but ${path} is something else; name a directory, or move it away and run: mkdir -p ${quoted(path)}`,
    );
  }
  return asText(origin, realpathSync(path));
}

/** The real path that a path has once its missing last parts are made. */
export function realOrFuturePath(given: string): string {
  const path = resolve(given);
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realOrFuturePath(parent), basename(path));
  }
}

function unusable(origin: string, path: string, code: string): EnvironmentError {
  if (code === 'ENOENT') {
    return new EnvironmentError(
      'directory_missing',
      `${origin} must be an existing directory, but ${path} does not exist; mount it or put it back where it had files, else run: mkdir -p ${quoted(path)}`,
    );
  }
  const code2 = code === 'ENOTDIR' ? 'not_a_directory' : 'directory_unusable';
  return new EnvironmentError(
    code2,
    `${origin} must be a directory that can be used, but ${path} cannot be read (${code}); check the path and the permissions of its parents.`,
  );
}

function asText(origin: string, path: string): string {
  const shown = toUSVString(path);
  if (!shown.includes('\ufffd')) return path;
  throw new EnvironmentError(
    'directory_not_utf8',
    `${origin} must have a path in UTF-8, but ${JSON.stringify(shown)} is not; rename that folder (names of files below it may be any bytes).`,
  );
}

export const isWithin = (path: string, parent: string): boolean =>
  path === parent || path.startsWith(parent === sep ? sep : parent + sep);

/** Refuses two folders of which one is, or lies in, the other. */
export function refuseOverlap(a: Folder, b: Folder): void {
  if (!isWithin(a.path, b.path) && !isWithin(b.path, a.path)) return;
  const [inner, outer] = isWithin(a.path, b.path) ? [a, b] : [b, a];
  const how = inner.path === outer.path ? 'are the same directory' : 'lie in one another';
  throw new OperatorError(
    'folders_overlap',
    `${inner.origin} (${inner.path}) and ${outer.origin} (${outer.path}) ${how}, so files of one would be taken for files of the other; name two separate places.`,
  );
}

/** Refuses `inner` inside `outer`; the other way round is fine. */
export function refuseWithin(inner: Folder, outer: Folder): void {
  if (isWithin(inner.path, outer.path)) refuseOverlap(inner, outer);
}
