/**
 * Makes directories in DEST where SOURCE has them.
 */
import { baseOf, folderOf } from '../../files/job-paths.js';
import { type ByteName, makeDirectoryAt, type Stat, unlinkAt } from '../../linux/index.js';
import { isGone, MovedOn } from '../trees/failures.js';
import { OWN_ALL } from '../trees/own-mode.js';
import type { Trees } from '../trees/trees.js';
import { ATTRIBUTES_DIFFER, ready, sameDirectory } from './attributes.js';
import { onlyPlanned, type Parts } from './parts.js';
import { checkWay } from './removals.js';

/**
 * Makes a directory of DEST, and its parents, if it is missing. Returns whether it exists; it does not when acts are
 * only planned.
 */
export function ensure(parts: Parts, trees: Trees, path: ByteName): boolean {
  try {
    trees.dest.directory(path);
    return true;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  const source = trees.inSource(path);
  if (source?.kind !== 'directory') throw new MovedOn();
  ensure(parts, trees, folderOf(path));
  const there = trees.inDest(path);
  checkWay(parts, path, source, there);
  if (onlyPlanned(parts, 'make', path, 'a directory')) return false;
  const parent = ready(trees, folderOf(path));
  if (there !== undefined && there.kind !== 'directory') {
    unlinkAt(parent, baseOf(path));
    parts.totals.removed++;
  }
  if (there?.kind !== 'directory') {
    makeDirectoryAt(parent, baseOf(path), OWN_ALL);
    parts.totals.made++;
    parts.wrote();
  }
  ready(trees, path);
  return true;
}

/** Mode, owner and times are set when the session ends. `self`: the stat of the directory in SOURCE. */
export function compareDirectory(parts: Parts, trees: Trees, path: ByteName, self: Stat): void {
  if (path === '' || sameDirectory(trees, path, parts.compare, self)) return;
  if (!onlyPlanned(parts, 'attributes', path, ATTRIBUTES_DIFFER)) trees.touched.add(path);
}
