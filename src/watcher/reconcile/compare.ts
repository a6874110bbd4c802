/** What was told of a path against what lies there now. */
import { isCome, isWritten } from '../backend/hints.js';
import type { Hint } from '../backend/types.js';
import type { Entry, Known } from './delivered-tree.js';

/** Whether the same file has to be told again. Attributes alone are not told. */
export function differs(known: Known, seen: Entry, by: Hint): boolean {
  if (known.kind !== seen.kind || known.doubted) return true;
  if (seen.kind === 'directory') return false;
  if (known.content !== seen.content) return true;
  // A write may leave size and mtime as they were: a copy sets the mtime back.
  return (isWritten(by) || isCome(by) || by === 'created') && known.changed !== seen.changed;
}

/** A number of an inode is given to the next file at once; its time of birth tells, or what it holds. */
export const isSame = (known: Known, seen: Entry): boolean =>
  known.file === seen.file && known.kind === seen.kind && (!seen.file.endsWith(':') || known.content === seen.content);
