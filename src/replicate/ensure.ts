/** Directories of DEST, made where SOURCE has them. */
import { baseOf, folderOf } from '../files/places.js';
import { type ByteName, makeDirectoryAt, type Stat, statAtOrNone, statFd, unlinkAt } from '../linux/index.js';
import { CannotMirror, isGone, MovedOn } from './failures.js';
import type { Parts } from './parts.js';
import { OWN_ALL, ready } from './settle.js';
import type { Trees } from './trees.js';

/** The directory of DEST that is to be as that of SOURCE, made with its parents where it is missing. */
export function ensure(parts: Parts, trees: Trees, path: ByteName): void {
  try {
    trees.dest.directory(path);
    return;
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  if (trees.inSource(path)?.kind !== 'directory') throw new MovedOn();
  ensure(parts, trees, folderOf(path));
  const parent = ready(trees, folderOf(path));
  const there = statAtOrNone(parent, baseOf(path));
  if (there !== undefined && there.kind !== 'directory') {
    if (!parts.delete) throw new CannotMirror('kept', 'a file lies where a directory belongs, and --no-delete is set');
    unlinkAt(parent, baseOf(path));
    parts.totals.removed++;
  }
  if (there?.kind !== 'directory') {
    makeDirectoryAt(parent, baseOf(path), OWN_ALL);
    parts.totals.made++;
    parts.wrote();
  }
  ready(trees, path);
}

/** Its mode, owner and times are set when the trees are settled. `self`: of SOURCE. */
export function compareDirectory({ compare }: Parts, trees: Trees, path: ByteName, self: Stat): void {
  const dest = statFd(trees.dest.directory(path));
  if (path !== '' && !compare.sameAttributes(self, dest)) trees.touched.add(path);
}
