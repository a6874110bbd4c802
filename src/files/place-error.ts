/**
 * A failing place is not a failing file: these errors close a gate and cost no attempt.
 * Which errno means that depends on what was done: EIO of a data file may be that file's bad sector, EIO of a root is not.
 */
import { codeOfErrno, LinuxError } from '../linux/index.js';

/** `process`: a feed's chain, which no file of it can go through while it cannot be loaded. `ledger`: the one that hosts share. */
export type PlaceKind = 'input' | 'work' | 'manifests' | 'warehouse' | 'state' | 'process' | 'ledger';

export class PlaceError extends Error {
  override readonly name = 'PlaceError';
  constructor(
    readonly place: PlaceKind,
    readonly path: string,
    /** An errno name, `no_marker` or `stuck`. */
    readonly code: string,
    sentence: string,
    /** A copy that had no room: the only thing that needs a whole file's room at once. */
    readonly copy?: NoRoom,
  ) {
    super(sentence);
  }

  /** The same of what was not tried. */
  untried(): PlaceError {
    return this.copy ? new PlaceError(this.place, this.path, this.code, this.message) : this;
  }
}

/** The errno of a copy for which there was no room, with what it would have needed and what that filesystem has in all. */
export class NoRoom extends Error {
  constructor(
    readonly code: string,
    readonly bytes: number,
    readonly capacityBytes: number,
  ) {
    super(`${code}: no room for a copy of ${bytes} bytes`);
  }
}

/** A copy that would leave less free than was asked for. */
export class BelowMark extends Error {
  constructor(
    readonly bytes: number,
    /** What must stay free. */
    readonly keepFree: number,
    readonly capacityBytes: number,
  ) {
    super(`a copy of ${bytes} bytes would leave less than ${keepFree} bytes free`);
  }
}

/** Errors that say the same of every file there. */
const WRITE_CODES = new Set([
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'ESTALE',
  'EIO',
  'ENOTCONN',
  'EMFILE',
  'ENFILE',
  'ENODEV',
  'ENXIO',
]);
const READ_CODES = new Set(['ESTALE', 'ENOTCONN', 'EMFILE', 'ENFILE']);

const MEANING: Record<string, string> = {
  ENOSPC: 'has no space (or no inodes) left: free some',
  EDQUOT: 'is over its quota: raise it or free some space',
  EROFS: 'is mounted read-only: remount it read-write',
  ESTALE: 'is a stale network mount: mount it again',
  EIO: 'answers with I/O errors: look at the kernel log and the disk',
  ENOTCONN: 'is a mount whose server is gone: mount it again',
  ENOENT: 'is missing: mount or create it',
  ENOTDIR: 'is not a directory any more: put the directory back',
  EACCES: 'may not be entered by this user: give it the permission',
  EPERM: 'does not permit this to this user: give it the permission',
  EISDIR: 'has a directory where a file belongs: move it away',
  ELOOP: 'has a symlink where a file or directory belongs: move it away',
  EMFILE: 'could not be opened, this process is out of file descriptors: raise the limit (ulimit -n)',
  ENFILE: 'could not be opened, the machine is out of file descriptors: raise fs.file-max',
  stuck: 'does not answer: look at its mount and the server or disk behind it',
  no_marker: 'has lost its marker .ingest-root: mount the right file system there (nothing is written until then)',
};

export function errnoOf(error: unknown): string | undefined {
  const { code, errno } = (error ?? {}) as { code?: unknown; errno?: unknown };
  if (typeof code !== 'string') return undefined;
  if (error instanceof LinuxError || /^E[A-Z0-9]+$/.test(code)) return code;
  // Node has no name for some (EDQUOT, ESTALE): its code is UNKNOWN, or a sentence.
  return typeof errno === 'number' && errno < 0 ? codeOfErrno(-errno) : undefined;
}

export function placeError(place: PlaceKind, path: string, code: string, copy?: NoRoom): PlaceError {
  return new PlaceError(place, path, code, `the ${place} ${path} ${MEANING[code] ?? `cannot be used (${code})`}`, copy);
}

/** Runs `act` on `place`; an error that speaks of the whole place comes out as a PlaceError, others as they are. */
export function inPlace<T>(place: PlaceKind, path: string, access: 'read' | 'write' | 'root', act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw asPlaceError(place, path, access, error);
  }
}

export async function inPlaceAsync<T>(
  place: PlaceKind,
  path: string,
  access: 'read' | 'write' | 'root',
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw asPlaceError(place, path, access, error);
  }
}

function asPlaceError(place: PlaceKind, path: string, access: 'read' | 'write' | 'root', error: unknown): unknown {
  const code = errnoOf(error);
  if (code === undefined || error instanceof PlaceError) return error;
  const speaksOfPlace = access === 'root' ? code in MEANING : (access === 'write' ? WRITE_CODES : READ_CODES).has(code);
  return speaksOfPlace ? placeError(place, path, code, error instanceof NoRoom ? error : undefined) : error;
}
