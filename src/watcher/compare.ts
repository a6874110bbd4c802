/** What was told of a path against what lies there now. */
import type { Hint } from './engine/types.js';
import type { Entry, Known } from './picture.js';

/**
 * Whether the same file has to be told again. Attributes alone are not told. `strict`: events were lost, so what was
 * written may show in the ctime alone.
 */
export function differs(known: Known, seen: Entry, by: Hint, strict: boolean): boolean {
  if (known.kind !== seen.kind) return true;
  if (seen.kind === 'directory') return false;
  if (known.content !== seen.content) return true;
  if (known.racy) return true;
  // A write may leave size and mtime as they were: a copy sets the mtime back.
  const written = by === 'write' || by === 'rename' || strict;
  return written && known.changed !== seen.changed;
}

/** A number of an inode is given to the next file at once; its time of birth tells, or what it holds. */
export const isSame = (known: Known, seen: Entry): boolean =>
  known.file === seen.file && known.kind === seen.kind && (!seen.file.endsWith(':') || known.content === seen.content);
