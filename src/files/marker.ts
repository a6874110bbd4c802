/**
 * The marker `.ingest-root` of a root: says that this is the directory that was set up, and not the empty mount point
 * below it. Work directory and manifests belong to one state, whose UUID stands in theirs.
 * Guarantees: a marker is whole or absent (written under another name, synced, renamed without overwriting).
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { type ByteName, LinuxError, nameOfText, O, openAt, renameNoReplace } from '../linux/index.js';
import { removeIfThere } from './copy.js';

export const MARKER = nameOfText('.ingest-root');
const TEMPORARY = /^\.ingest-root\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface Marker {
  /** Of this root. */
  id: string;
  kind: string;
  /** UUID of the state that owns the root; absent for a warehouse, which may be shared. */
  state?: string;
  /** For the sentence that refuses a second state. */
  statePath?: string;
}

/** The marker of the root opened as `rootFd`, or undefined where there is none. */
export function readMarker(rootFd: number): Marker | undefined {
  let fd: number;
  try {
    fd = openAt(rootFd, MARKER, O.RDONLY | O.NOFOLLOW | O.NONBLOCK, { resolve: 'beneath' });
  } catch (error) {
    if (error instanceof LinuxError && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const marker = JSON.parse(readFileSync(fd, 'utf8')) as Marker;
    return typeof marker.id === 'string' ? marker : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** The marker of a root at its first use, with an id of its own if none is given: made, unless it stands (another process was quicker, or one that died since). */
export function makeMarker(rootFd: number, wanted: Omit<Marker, 'id'> & { id?: string }): Marker {
  const marker = readMarker(rootFd) ?? makeNew(rootFd, { id: randomUUID(), ...wanted });
  // Only now that a marker stands: a maker that loses its temporary file to this one has no further need of it.
  removeLeftOver(rootFd);
  // Also of one that died before it could: what the state remembers from here on must be on disk.
  fsyncSync(rootFd);
  return marker;
}

function makeNew(rootFd: number, marker: Marker): Marker {
  const temporary = nameOfText(`.ingest-root.${marker.id}`) as ByteName;
  const fd = openAt(rootFd, temporary, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, { mode: 0o644, resolve: 'beneath' });
  try {
    writeSync(fd, `${JSON.stringify(marker)}\n`);
    fsyncSync(fd);
    renameNoReplace(rootFd, temporary, rootFd, MARKER);
  } catch (error) {
    removeIfThere(rootFd, temporary);
    if (readMarker(rootFd) === undefined) throw error;
  } finally {
    closeSync(fd);
  }
  return readMarker(rootFd) ?? marker;
}

/** Removes the temporary names of makers that died before or after their rename. Nobody else would ever look for them. */
function removeLeftOver(rootFd: number): void {
  const names = readdirSync(`/proc/self/fd/${rootFd}`, 'latin1') as ByteName[];
  for (const name of names) if (TEMPORARY.test(name)) removeIfThere(rootFd, name);
}
