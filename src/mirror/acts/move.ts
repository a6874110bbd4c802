/**
 * Repeats a rename of SOURCE in DEST, so that nothing is copied.
 */
import { baseOf, folderOf } from '../../files/job-paths.js';
import { type ByteName, renameReplacing, type Stat } from '../../linux/index.js';
import { refuseFolded } from '../trees/folded.js';
import type { Trees } from '../trees/trees.js';
import { ready } from './attributes.js';
import { ensure } from './ensure.js';
import type { Parts } from './parts.js';

/**
 * Renames in DEST if the entry under the old name may be the copy of the entry that SOURCE now has under the new name.
 * Whether it really is, is checked afterwards, for it and everything below it, as for any entry of DEST.
 */
export async function move(parts: Parts, trees: Trees, from: ByteName, to: ByteName): Promise<void> {
  const { source, knownCopies, totals, giveWay } = parts;
  const [now, copy] = [trees.inSource(to), trees.inDest(from)];
  if (!now || !copy || !mayBeItsCopy(parts, now, copy)) return;
  // Something has the old name again, and the order of the two changes is unknown.
  if (trees.inSource(from) !== undefined) return;
  // A file replaces a file in one step; a directory would first have to be removed.
  const there = trees.inDest(to);
  if (there !== undefined && (there.kind !== 'file' || now.kind !== 'file')) return;
  refuseFolded(parts, trees, from);
  refuseFolded(parts, trees, to);
  source.refuseLost(trees, from, true);
  source.refuseLost(trees, to, true);
  await giveWay(from);
  await giveWay(to);
  ensure(parts, trees, folderOf(to));
  if (now.kind === 'directory') ready(trees, from);
  const [dir, into] = [ready(trees, folderOf(from)), ready(trees, folderOf(to))];
  trees.dest.leave(from);
  renameReplacing(dir, baseOf(from), into, baseOf(to));
  trees.touched.delete(from);
  knownCopies.forget(there);
  totals.moved++;
}

/** If names are excluded, the content of a directory may include entries that are not part of the mirror. */
function mayBeItsCopy({ rules, compare, ...parts }: Parts, now: Stat, copy: Stat): boolean {
  if (!parts.delete || !rules.all || now.kind !== copy.kind) return false;
  return now.kind === 'directory' || compare.sameFile(now, copy);
}
