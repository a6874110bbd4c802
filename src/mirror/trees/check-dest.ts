/**
 * Checks the directory at DEST's path before it is claimed.
 * Guarantees: a folder with content that is not a mirror of this SOURCE is refused, unless --adopt is given. Nothing is
 * changed.
 */
import { closeSync } from 'node:fs';
import { EnvironmentError, OperatorError } from '../../base/errors.js';
import { MARKER as ROOT_MARKER } from '../../files/marker.js';
import { namesIn } from '../../files/names-in.js';
import { isOfFilesystem } from '../../files/of-filesystem.js';
import {
  AT_FDCWD,
  LinuxError,
  nameOfText,
  O,
  openAt,
  openDirectory,
  shownName,
  statAtOrNone,
} from '../../linux/index.js';
import { type Marker, readMarker } from './marker.js';
import { firstContent, HIDDEN, type Rules } from './rules.js';

export interface Claim {
  dest: string;
  source: string;
  adopt: boolean;
}

/** Returns the existing marker. Errors: OperatorError, EnvironmentError. */
export function checkDest({ dest, source, adopt }: Claim): Marker | undefined {
  const fd = openRoot(dest);
  try {
    if (statAtOrNone(fd, ROOT_MARKER)) {
      throw new OperatorError(
        'dest_is_a_root',
        `DEST must not be a folder of an ingestor, but ${dest} has its marker ${shownName(ROOT_MARKER)}; name another directory.`,
      );
    }
    const marker = markerIn(fd);
    if (marker === undefined && !adopt) refuseContent(fd, dest);
    if (marker !== undefined && marker.source !== source && !adopt) {
      throw new OperatorError(
        'dest_of_another_source',
        `DEST must be the mirror of ${source}, but ${dest} is that of ${marker.source}; name the right one, or add --adopt once if that directory was moved.`,
      );
    }
    return marker;
  } finally {
    closeSync(fd);
  }
}

/** True if there is anything that a mirror by these rules would remove. Errors: EnvironmentError. */
export function hasContent(dest: string, rules: Rules): boolean {
  const fd = openRoot(dest);
  try {
    return firstContent(fd, rules) !== undefined;
  } finally {
    closeSync(fd);
  }
}

export function openRoot(dest: string): number {
  let fd: number | undefined;
  try {
    fd = openAt(AT_FDCWD, nameOfText(dest), O.RDONLY | O.DIRECTORY, { resolve: 'any' });
    // One that may not be entered, or fails, can be opened.
    statAtOrNone(fd, HIDDEN);
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    if (!(error instanceof LinuxError)) throw error;
    throw new EnvironmentError(
      'directory_unusable',
      `DEST must be a directory that can be used, but ${dest} cannot be opened or entered (${error.code}); check the path and its permissions.`,
    );
  }
}

export function markerIn(fd: number): Marker | undefined {
  if (statAtOrNone(fd, HIDDEN)?.kind !== 'directory') return undefined;
  const hidden = openDirectory(fd, HIDDEN);
  try {
    return readMarker(hidden);
  } finally {
    closeSync(hidden);
  }
}

function refuseContent(fd: number, dest: string): void {
  for (const name of namesIn(fd)) {
    if (name === HIDDEN || isOfFilesystem(name, () => true)) continue;
    throw new OperatorError(
      'dest_not_ours',
      `DEST must be empty or a mirror that was made here, but ${dest} has content (${shownName(name)}), which would be removed where SOURCE does not have it; name another directory, or add --adopt once to take this one over.`,
    );
  }
}
