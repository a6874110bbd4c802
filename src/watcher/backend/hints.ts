/**
 * Combines several hints of one path. Only used with `everything`.
 */
import type { Hint } from './types.js';

const WRITTEN: ReadonlySet<Hint> = new Set(['write', 'written_renamed', 'written_moved', 'written_deleted']);
const CAME: ReadonlySet<Hint> = new Set(['rename', 'written_renamed']);

/** True if the bytes may have changed, whatever size and times say. */
export const isWritten = (by: Hint): boolean => WRITTEN.has(by);

/** True if something was renamed to this name. */
export const isCome = (by: Hint): boolean => CAME.has(by);

/**
 * Combines two hints. It keeps that something was renamed to this name, and that something was written. Whether a file
 * is there now is found by a check. A directory that went and is back is delivered again with its whole content, so its
 * arrival outweighs everything else that happened to it.
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
