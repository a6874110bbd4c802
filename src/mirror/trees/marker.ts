/**
 * The marker in the hidden folder of DEST: whose mirror it is, and what SOURCE looked like as a place.
 * Guarantees: it is whole or absent, and replaced in one step.
 */
import { closeSync, fsyncSync, readFileSync, writeSync } from 'node:fs';
import { removeIfThere } from '../../files/copy.js';
import { type DirectoryId, LinuxError, nameOfText, O, openAt, renameReplacing } from '../../linux/index.js';

const NAME = nameOfText('mirror.json');
const TEMPORARY = nameOfText('mirror.json.new');

/** What was seen of SOURCE as a place. A marker of an earlier version says less of which directory it was. */
export interface SourceSeen extends Partial<DirectoryId> {
  /** It was a mount point: where it is none now, its filesystem is missing. */
  mounted: boolean;
  /** The same of directories below it, as latin1 of their bytes. */
  mounts: string[];
}

/** What a marker of an earlier version may lack is optional. */
export interface Marker extends SourceSeen {
  version: 1;
  /** Real path. */
  source: string;
  /** Which mirror this is: DEST is known by it when it was away. */
  id?: string;
  /** What SOURCE's files were until then has been looked at, and is in DEST. Milliseconds since 1970. */
  sinceMs?: number;
  /** What DEST keeps of a time, in nanoseconds. */
  stepNs?: number;
}

/** Undefined where there is none. `hidden`: the hidden folder. */
export function readMarker(hidden: number): Marker | undefined {
  let fd: number;
  try {
    fd = openAt(hidden, NAME, O.RDONLY | O.NOFOLLOW | O.NONBLOCK);
  } catch (error) {
    if (error instanceof LinuxError && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const marker = JSON.parse(readFileSync(fd, 'utf8')) as Marker;
    return marker.version === 1 && typeof marker.source === 'string' ? marker : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}

export function writeMarker(hidden: number, marker: Marker): void {
  removeIfThere(hidden, TEMPORARY);
  const fd = openAt(hidden, TEMPORARY, O.WRONLY | O.CREAT | O.EXCL | O.NOFOLLOW, { mode: 0o600 });
  try {
    writeSync(fd, `${JSON.stringify(marker)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameReplacing(hidden, TEMPORARY, hidden, NAME);
  fsyncSync(hidden);
}
