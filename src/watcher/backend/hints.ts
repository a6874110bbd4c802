/** Several hints of one path, where everything is told. */
import type { Hint } from './types.js';

const WRITTEN: ReadonlySet<Hint> = new Set(['write', 'written_renamed', 'written_moved', 'written_deleted']);
const CAME: ReadonlySet<Hint> = new Set(['rename', 'written_renamed']);

/** The bytes may have changed, whatever size and times say. */
export const isWritten = (by: Hint): boolean => WRITTEN.has(by);

/** Something was renamed to this name. */
export const isCome = (by: Hint): boolean => CAME.has(by);

/**
 * What is kept of two hints: that something came by a rename, and that it was written. Whether anything lies there is seen by looking.
 * A directory that went and is back is told again with all it holds, so its coming outlasts whatever else happened to it.
 */
export function merged(known: Hint | undefined, by: Hint): Hint {
  if (known === undefined) return by;
  if (by === 'attributes' || by === 'scan') return known;
  const wasWritten = isWritten(known) || isWritten(by);
  if (isCome(known) || isCome(by)) return wasWritten ? 'written_renamed' : 'rename';
  if (by === 'delete') return wasWritten ? 'written_deleted' : by;
  const hasMoved = by === 'moved' || known === 'moved' || known === 'written_moved';
  if (hasMoved) return wasWritten ? 'written_moved' : 'moved';
  return by === 'created' && wasWritten ? 'write' : by;
}
