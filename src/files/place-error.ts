/**
 * Errors of a whole place (a root that a stage needs). A failing place is not a failing file: these errors close a gate
 * and count no attempt. What an errno means depends on the operation: EIO of a data file may be a bad sector of that
 * file, EIO of a root is a failing place.
 */
import { codeOfErrno, LinuxError } from '../linux/index.js';

/**
 * `process`: the chain of a feed; no file of the feed can pass while the chain cannot be loaded. `ledger`: the PostgreSQL that hosts
 * share. `bucket`: where a feed publishes.
 */
export type PlaceKind = 'input' | 'work' | 'manifests' | 'warehouse' | 'state' | 'process' | 'ledger' | 'bucket';

export class PlaceError extends Error {
  override readonly name = 'PlaceError';
  constructor(
    readonly place: PlaceKind,
    readonly path: string,
    /** An errno name, `no_marker`, `no_safe_rename` or `stuck`. */
    readonly code: string,
    sentence: string,
    /** Set for a copy that had no room: only a copy needs the room of a whole file at once. */
    readonly copy?: NoRoom,
  ) {
    super(sentence);
  }

  /** The same error for files that were not tried. */
  untried(): PlaceError {
    return this.copy ? new PlaceError(this.place, this.path, this.code, this.message) : this;
  }
}

/** The errno of a copy that had no room, with the bytes it needed and the size of that filesystem. */
export class NoRoom extends Error {
  constructor(
    readonly code: string,
    readonly bytes: number,
    readonly capacityBytes: number,
  ) {
    super(`${code}: no room for a copy of ${bytes} bytes`);
  }
}

/** A copy that would leave too little free space. */
export class BelowMark extends Error {
  constructor(
    readonly bytes: number,
    /** The bytes that must stay free. */
    readonly keepFree: number,
    readonly capacityBytes: number,
  ) {
    super(`a copy of ${bytes} bytes would leave less than ${keepFree} bytes free`);
  }
}

/** A filesystem that has no way to give a file a name without overwriting. */
export class NoSafeRename extends Error {
  override readonly name = 'NoSafeRename';
  readonly remedy = 'name a directory on one that has either: ext4, xfs, btrfs, tmpfs, NFS';

  constructor(
    /** Follows the name of the place in a sentence. */
    readonly what: string,
  ) {
    super(what);
    this.message = `${what}: ${this.remedy}`;
  }
}

export const noSafeRename = (filesystem: string, lacks: { rename: string; link: string }): NoSafeRename =>
  new NoSafeRename(
    `is on a filesystem (${filesystem}) that has neither a rename that overwrites nothing (RENAME_NOREPLACE: ${lacks.rename}) nor hard links (link: ${lacks.link}), so a file could be lost under another`,
  );

/** A network filesystem whose server is gone. A soft mount of CIFS or NFS answers with the last three. */
export const SERVER_GONE = ['ESTALE', 'ENOTCONN', 'ETIMEDOUT', 'EHOSTDOWN', 'EHOSTUNREACH'] as const;
/** Errors that apply to every file of the place. */
const WRITE_CODES = new Set([
  ...SERVER_GONE,
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENODEV',
  'ENXIO',
]);
/** In addition, of a folder that all files share, such as the folder of a day. */
const FOLDER_CODES = new Set([...WRITE_CODES, 'ENOTDIR', 'ELOOP']);
const READ_CODES = new Set([...SERVER_GONE, 'EMFILE', 'ENFILE']);

/** A unit of systemd may give a process a read-only view of a filesystem that others may write. */
export const READ_ONLY =
  'is on a read-only filesystem, or the unit of the service may not write there: remount it, or add it to ReadWritePaths= of the unit (docs/install.md) and restart the unit';

/** The part of a place that was used: a file or folder in it, a folder that all its files share, or the root itself. */
type Access = 'read' | 'write' | 'folder' | 'root';
const CODES = { read: READ_CODES, write: WRITE_CODES, folder: FOLDER_CODES };

/** The code of a place that does not answer. The kernel has no errno for it. */
export const STUCK = 'stuck';

const NO_SERVER = 'is a mount whose server does not answer: see the server and the network';

const MEANING: Record<string, string> = {
  ENOSPC: 'has no space (or no inodes) left: free some',
  EDQUOT: 'is over its quota: raise it or free some space',
  EROFS: READ_ONLY,
  ESTALE: 'is a stale network mount: mount it again',
  EIO: 'answers with I/O errors: look at the kernel log and the disk',
  ENOTCONN: 'is a mount whose server is gone: mount it again',
  ETIMEDOUT: NO_SERVER,
  EHOSTDOWN: NO_SERVER,
  EHOSTUNREACH: NO_SERVER,
  ENOENT: 'is missing: mount it, or put it back',
  ENOTDIR: 'is not a directory any more: put the directory back',
  EACCES: 'may not be entered by this user: give it the permission',
  EPERM: 'does not permit this to this user: give it the permission',
  EISDIR: 'has a directory where a file belongs: move it away',
  ELOOP: 'has a symlink where a file or directory belongs: move it away',
  EMFILE: 'could not be opened, this process is out of file descriptors: raise the limit (ulimit -n)',
  ENFILE: 'could not be opened, the machine is out of file descriptors: raise fs.file-max',
  [STUCK]: 'does not answer: check its mount, and its server or disk',
  no_marker:
    'has lost its marker .ingest-root: mount the one that was there, or, if only this file is gone, put it back as `ingest-ctl doctor` says (nothing is written until then)',
};

export function errnoOf(error: unknown): string | undefined {
  const { code, errno } = (error ?? {}) as { code?: unknown; errno?: unknown };
  if (typeof code !== 'string') return undefined;
  if (error instanceof LinuxError || /^E[A-Z0-9]+$/.test(code)) return code;
  // Node has no name for some errnos (EDQUOT, ESTALE): its code is then UNKNOWN, or a sentence.
  return typeof errno === 'number' && errno < 0 ? codeOfErrno(-errno) : undefined;
}

/** Undefined where the system refuses, for callers that go on without an answer. A bug is thrown. */
export function unlessRefused<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Undefined where a folder or file is missing. */
export function unlessMissing<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof LinuxError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

export function placeError(place: PlaceKind, path: string, code: string, copy?: NoRoom): PlaceError {
  return new PlaceError(place, path, code, `the ${place} ${path} ${MEANING[code] ?? `cannot be used (${code})`}`, copy);
}

/**
 * Runs `act` on `place`. An error that concerns the whole place is thrown as a PlaceError, any other error unchanged.
 */
export function inPlace<T>(place: PlaceKind, path: string, access: Access, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw asPlaceError(place, path, access, error);
  }
}

export async function inPlaceAsync<T>(
  place: PlaceKind,
  path: string,
  access: Access,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw asPlaceError(place, path, access, error);
  }
}

/** True if an error of such a call concerns the whole place. */
export const isOfPlace = (access: Access, code: string): boolean =>
  access === 'root' ? code in MEANING : CODES[access].has(code);

function asPlaceError(place: PlaceKind, path: string, access: Access, error: unknown): unknown {
  if (error instanceof NoSafeRename)
    return new PlaceError(place, path, 'no_safe_rename', `the ${place} ${path} ${error.message}`);
  const code = errnoOf(error);
  if (code === undefined || error instanceof PlaceError) return error;
  return isOfPlace(access, code) ? placeError(place, path, code, error instanceof NoRoom ? error : undefined) : error;
}
