/** The paths of SOURCE and DEST as a caller gives them. */
import { closeSync } from 'node:fs';
import { type Folder, realDirectory, realOrFuturePath } from '../base/config/values/directories.js';
import { EnvironmentError } from '../base/errors.js';
import { markerIn, openRoot } from './trees/check-dest.js';
import { sourceError } from './trees/sentences.js';

/**
 * The real paths of two directories that exist. A missing SOURCE that DEST is a mirror of must be mounted or restored:
 * an empty directory that somebody makes there is another one. Errors: EnvironmentError.
 */
export function realDirectories(source: Folder, dest: Folder): { source: string; dest: string } {
  return { source: realSource(source, dest), dest: realDirectory(dest.origin, dest.path) };
}

function realSource(source: Folder, dest: Folder): string {
  try {
    return realDirectory(source.origin, source.path);
  } catch (error) {
    const isMissing = error instanceof EnvironmentError && error.code === 'directory_missing';
    const missing = realOrFuturePath(source.path);
    if (isMissing && mirroredBy(dest.path) === missing) throw sourceError(missing, 'ENOENT');
    throw error;
  }
}

function mirroredBy(dest: string): string | undefined {
  let fd: number | undefined;
  try {
    fd = openRoot(dest);
    return markerIn(fd)?.source;
  } catch {
    // Whatever is wrong with DEST, the caller hears of SOURCE first.
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
