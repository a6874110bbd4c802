/**
 * What can go wrong with one path, and what with all of them: a file that cannot be read is named and tried again, a SOURCE
 * that is gone or a DEST that is full stops the work until it is back.
 */
import { errnoOf, NoRoom } from '../../files/place-error.js';

/** SOURCE is not what it was: nothing is concluded from what it lacks. */
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

/** The path is another thing by now: whoever changed it was heard, or is met by the next look. */
export class MovedOn extends Error {
  override readonly name = 'MovedOn';
}

/** It cannot be made like SOURCE, and no errno says why. */
export class CannotMirror extends Error {
  override readonly name = 'CannotMirror';
  constructor(
    readonly code: 'changing' | 'kept' | 'mount_missing' | 'overlap',
    sentence: string,
  ) {
    super(sentence);
  }
}

const GONE = ['ENOENT', 'ENOTDIR', 'ELOOP'];
/** There is nothing (any more), or not by this way. */
export const isGone = (error: unknown): boolean => error instanceof MovedOn || GONE.includes(errnoOf(error) ?? '');

const OF_DEST = ['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE'];
/** Errors of a disk; it depends on whose disk. */
const OF_EITHER = ['EIO', 'ESTALE', 'ENOTCONN', 'ENODEV', 'ENXIO'];

/** Says the same of every path there. */
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

/** It would not fit on an empty filesystem of that size. */
const isTooLarge = (error: unknown): boolean => error instanceof NoRoom && error.bytes > error.capacityBytes;
