/**
 * The marker `.ingest-root` of a root. It shows that this is the directory that was set up, and not the empty mount
 * point below it. A work directory and a manifests directory belong to one state, and their marker has the UUID of that
 * state.
 * Guarantees: a marker is whole or absent (written under another name, synced, renamed without overwriting). A root in which
 * nothing can be renamed so gets none, and is refused. Errors: NoSafeRename.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, readdirSync, writeSync } from 'node:fs';
import { type ByteName, nameOfText, O, openAt } from '../linux/index.js';
import { removeIfThere } from './copy.js';
import { jsonAt } from './json-file.js';
import { deliverCopy } from './moves.js';

export const MARKER = nameOfText('.ingest-root');
/** The file that a probe of a failing root writes. It stays while the root takes no write; the next probe removes it. */
export const PROBE = nameOfText('.ingest-probe');
/** A name at a root that is no content. */
export const isOwnName = (name: ByteName): boolean => name === MARKER || name === PROBE;
const TEMPORARY = /^\.ingest-root\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export interface Marker {
  /** The id of this root. */
  id: string;
  kind: string;
  /** The UUID of the state that owns the root. Absent for a warehouse, which may be shared. */
  state?: string;
  /** For the message that refuses a second state. */
  statePath?: string;
}

/** Returns the marker of the root opened as `rootFd`, or undefined if there is none. */
export function readMarker(rootFd: number): Marker | undefined {
  const marker = jsonAt(rootFd, MARKER) as Marker | null | undefined;
  return typeof marker?.id === 'string' ? marker : undefined;
}

/**
 * Returns the marker of a root, and makes it at the first use, with a new id if none is given. A marker that exists is
 * kept: another process may have made it first.
 */
export function makeMarker(rootFd: number, wanted: Omit<Marker, 'id'> & { id?: string }): Marker {
  const marker = readMarker(rootFd) ?? makeNew(rootFd, { id: randomUUID(), ...wanted });
  // The marker may be of a process that died before its sync. It must be on disk before the state remembers it.
  fsyncSync(rootFd);
  return marker;
}

function makeNew(rootFd: number, marker: Marker): Marker {
  const temporary = nameOfText(`.ingest-root.${marker.id}`) as ByteName;
  const fd = openAt(rootFd, temporary, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, { mode: 0o644, resolve: 'beneath' });
  try {
    writeSync(fd, `${JSON.stringify(marker)}\n`);
    fsyncSync(fd);
    deliverCopy({ dir: rootFd, name: temporary }, { dir: rootFd, name: MARKER });
  } catch (error) {
    if (readMarker(rootFd) === undefined) throw error;
  } finally {
    removeIfThere(rootFd, temporary);
    closeSync(fd);
  }
  return readMarker(rootFd) ?? marker;
}

/**
 * Removes temporary files of processes that died before or after their rename. A root without a marker is left: a process that
 * loses its temporary file no longer needs it where there is one.
 */
export function removeLeftOver(rootFd: number): void {
  if (readMarker(rootFd) === undefined) return;
  const names = readdirSync(`/proc/self/fd/${rootFd}`, 'latin1') as ByteName[];
  for (const name of names) if (TEMPORARY.test(name)) removeIfThere(rootFd, name);
}
