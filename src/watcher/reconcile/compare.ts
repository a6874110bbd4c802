/**
 * Compares the delivered state of a path with its current state.
 */
import { isCome, isWritten } from '../backend/hints.js';
import type { Hint } from '../backend/types.js';
import type { Entry, Known } from './delivered-tree.js';

/** True if the same file must be reported again. A change of attributes alone is not reported. */
export function differs(known: Known, seen: Entry, by: Hint): boolean {
  if (known.kind !== seen.kind || known.doubted) return true;
  if (seen.kind === 'directory') return false;
  if (known.content !== seen.content) return true;
  // A write may leave size and mtime unchanged, if a copy sets the mtime back.
  return (isWritten(by) || isCome(by) || by === 'created') && known.changed !== seen.changed;
}

/**
 * An inode number is reused for the next file at once. The birth time distinguishes them; without a birth time, the
 * content (size and mtime) does.
 */
export const isSame = (known: Known, seen: Entry): boolean =>
  known.file === seen.file && known.kind === seen.kind && (!seen.file.endsWith(':') || known.content === seen.content);
