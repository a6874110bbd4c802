/**
 * The marker `.ingest-root` of a root: says that this is the directory that was set up, and not the empty mount point
 * below it. Work directory and manifests belong to one state, whose UUID stands in theirs.
 * Guarantees: a marker is whole or absent (written under another name, synced, renamed without overwriting); what a crash
 * left under such a name is removed by whoever makes the marker.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { type ByteName, LinuxError, nameOfText, O, openAt, renameNoReplace, unlinkAt } from '../linux/index.js';

export const MARKER = nameOfText('.ingest-root');

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

/** Makes the marker, unless another process was quicker; answers the one that stands there now. */
export function makeMarker(rootFd: number, wanted: Omit<Marker, 'id'>): Marker {
  const marker: Marker = { id: randomUUID(), ...wanted };
  const temporary = nameOfText(`.ingest-root.${marker.id}`) as ByteName;
  const fd = openAt(rootFd, temporary, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, { mode: 0o644, resolve: 'beneath' });
  try {
    writeSync(fd, `${JSON.stringify(marker)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  try {
    renameNoReplace(rootFd, temporary, rootFd, MARKER);
  } catch (error) {
    // ENOENT: who was quicker has swept ours away with what was left over.
    if (!(error instanceof LinuxError) || (error.code !== 'EEXIST' && error.code !== 'ENOENT')) throw error;
  }
  removeLeftOver(rootFd);
  fsyncSync(rootFd);
  return readMarker(rootFd) ?? marker;
}

/** Once the marker stands, nobody needs another one that is only half made. */
function removeLeftOver(rootFd: number): void {
  for (const name of readdirSync(`/proc/self/fd/${rootFd}`, 'latin1') as ByteName[]) {
    if (!/^\.ingest-root\.[0-9a-f-]{36}$/.test(name)) continue;
    try {
      unlinkAt(rootFd, name);
    } catch (error) {
      if (!(error instanceof LinuxError) || error.code !== 'ENOENT') throw error;
    }
  }
}
