/**
 * Failures of one path, and failures of everything. A file that cannot be read is logged and tried again. A missing
 * SOURCE or a full DEST stops the work until it is back.
 */
import { errnoOf, NoRoom } from '../../files/place-error.js';
import type { ByteName } from '../../linux/index.js';

/** SOURCE is not the directory that it was, so a missing file there proves nothing. */
export class SourceMissing extends Error {
  override readonly name = 'SourceMissing';
  constructor(
    /** An errno name, `unmounted`, `emptied`, `replaced` or `empty` (sentences.ts). */
    readonly code: string,
  ) {
    super(`the source is missing: ${code}`);
  }
}

/** DEST is not the folder that was claimed. */
export class DestMissing extends Error {
  override readonly name = 'DestMissing';
  constructor(
    /** An errno name, `no_marker` or `dest_in_use` (sentences.ts). */
    readonly code: string,
  ) {
    super(`the destination is missing: ${code}`);
  }
}

/** The path has changed meanwhile. An event reports that, or the next scan finds it. */
export class MovedOn extends Error {
  override readonly name = 'MovedOn';
}

/** The path cannot be made like SOURCE, for a reason without an errno. */
export class CannotMirror extends Error {
  override readonly name = 'CannotMirror';
  constructor(
    readonly code: 'changing' | 'folded' | 'kept' | 'mount_missing' | 'overlap',
    sentence: string,
    /** The path that cannot, if it is one above. */
    readonly at?: ByteName,
  ) {
    super(sentence);
  }
}

const GONE = ['ENOENT', 'ENOTDIR', 'ELOOP'];
/** The path does not exist (any more), or a part of it is no directory. */
export const isGone = (error: unknown): boolean => error instanceof MovedOn || GONE.includes(errnoOf(error) ?? '');

const OF_DEST = ['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE'];
/** Errors of a disk; the failed call shows whose disk. */
const OF_EITHER = ['EIO', 'ESTALE', 'ENOTCONN', 'ENODEV', 'ENXIO'];

/** True if every path of DEST would fail alike. */
export function speaksOfDest(error: unknown): boolean {
  if (isTooLarge(error)) return false;
  const code = errnoOf(error) ?? '';
  if (OF_DEST.includes(code)) return true;
  const { syscall, call } = error as { syscall?: string; call?: string };
  return (
    OF_EITHER.includes(code) &&
    /^(write|pwrite|fsync|fdatasync|renameat2|mkdirat|symlinkat)/.test(syscall ?? call ?? '')
  );
}

/** Undefined: a bug. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof CannotMirror) return error.code;
  if (isTooLarge(error)) return 'too_large';
  return errnoOf(error);
}

/** The copy would not even fit on an empty filesystem of that size. */
const isTooLarge = (error: unknown): boolean => error instanceof NoRoom && error.bytes > error.capacityBytes;
