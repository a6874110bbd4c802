/**
 * Whether the bytes of a file that is found under another name may be others than were told under the old one, though its size and
 * mtime are the same. Events tell of writes by the names of their time, and of none where nobody watched.
 */
import { baseOf, folderOf } from '../../files/places.js';
import type { ByteName } from '../../linux/names.js';
import { isCome, isWritten } from '../backend/hints.js';
import type { Hint } from '../backend/types.js';
import type { DeliveredTree, Known, Seen } from './delivered-tree.js';
import type { PendingPath } from './pending.js';

export interface PathLookups {
  /** What lies there and is told; 'unknown': it cannot be looked at. `anew`: directories may have moved in this very turn. */
  look(path: ByteName, anew?: boolean): Seen | undefined | 'unknown';
  /** What is in doubt of the path. */
  pendingAt(path: ByteName): PendingPath | undefined;
}

/** `by`: what brought the new name. */
export function mayBeWritten(
  origin: Known,
  path: ByteName,
  seen: Seen,
  by: Hint,
  deliveredTree: DeliveredTree,
  of: PathLookups,
): boolean {
  const left = of.pendingAt(origin.path)?.by;
  if (origin.doubted || seen.doubted || isWritten(by)) return true;
  // It was away from its old name before.
  if (left !== undefined && (isWritten(left) || isCome(left))) return true;
  // A rename changes the ctime too, but not that of what lies in a renamed directory.
  if (hasMovedAlong(origin.path, path, deliveredTree)) return origin.changed !== seen.changed;
  return wasUnwatched(folderOf(origin.path), path, deliveredTree, of);
}

/** No event tells of a write in a directory that is being renamed, or that was not read yet. */
function wasUnwatched(from: ByteName, path: ByteName, deliveredTree: DeliveredTree, of: PathLookups): boolean {
  const { by, cause } = of.pendingAt(path) ?? {};
  if (by === 'scan' && cause === 'event') return true;
  for (let at = from; at !== ''; at = folderOf(at)) {
    const now = of.look(at);
    if (now === undefined || now === 'unknown' || now.file !== deliveredTree.get(at)?.file) return true;
    const hint = of.pendingAt(at)?.by;
    if (hint !== undefined && isCome(hint)) return true;
  }
  return false;
}

/** It lies in the same directory, by the same name. */
function hasMovedAlong(from: ByteName, to: ByteName, deliveredTree: DeliveredTree): boolean {
  const [directory, directoryNow] = [from, to].map((path) => deliveredTree.get(folderOf(path))?.file);
  return directory !== undefined && directory === directoryNow && baseOf(from) === baseOf(to);
}
