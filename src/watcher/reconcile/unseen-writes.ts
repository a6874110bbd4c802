/**
 * Decides whether a file found under another name may have other bytes than the delivered ones, although size and mtime
 * are equal. An event reports a write under the name of that time, and there is no event if nobody watched.
 */
import { baseOf, folderOf } from '../../files/job-paths.js';
import type { ByteName } from '../../linux/names.js';
import { isCome, isWritten } from '../backend/hints.js';
import type { Hint } from '../backend/types.js';
import type { DeliveredTree, Known, Seen } from './delivered-tree.js';
import type { PendingPath } from './pending.js';

export interface PathLookups {
  /**
   * The current entry, if it is reported; 'unknown': it could not be checked. `uncached`: directories may have moved
   * within this turn of the event loop.
   */
  look(path: ByteName, uncached?: boolean): Seen | undefined | 'unknown';
  /** The pending state of the path, if any. */
  pendingAt(path: ByteName): PendingPath | undefined;
}

/** `by`: the hint of the new name. */
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
  // The file had left its old name before, and come back.
  if (left !== undefined && (isWritten(left) || isCome(left))) return true;
  // A rename changes the ctime of the renamed file, but not of files in a renamed directory.
  if (hasMovedAlong(origin.path, path, deliveredTree)) return origin.changed !== seen.changed;
  return wasUnwatched(folderOf(origin.path), path, deliveredTree, of);
}

/** No event reports a write in a directory that is being renamed, or that was not read yet. */
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

/** True: the file is in the same directory under the same name; only the directory was renamed. */
function hasMovedAlong(from: ByteName, to: ByteName, deliveredTree: DeliveredTree): boolean {
  const [directory, directoryNow] = [from, to].map((path) => deliveredTree.get(folderOf(path))?.file);
  return directory !== undefined && directory === directoryNow && baseOf(from) === baseOf(to);
}
