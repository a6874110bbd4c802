/** A rename in SOURCE as a rename in DEST: nothing is copied. */
import { baseOf, folderOf } from '../files/places.js';
import { type ByteName, renameReplacing, type Stat } from '../linux/index.js';
import { isAtRest } from './copy-file.js';
import { ensure } from './ensure.js';
import type { Parts } from './parts.js';
import { ready, setAttributes } from './settle.js';
import type { Trees } from './trees.js';

/**
 * Where what lies under the old name in DEST is known to be the copy of what lies under the new one in SOURCE. Answers whether
 * it was renamed; if not, both names are looked at like any others. What is below a directory is compared afterwards in any case.
 */
export async function move(parts: Parts, trees: Trees, from: ByteName, to: ByteName): Promise<boolean> {
  const { source, compare, known, totals, giveWay } = parts;
  const [now, copy] = [trees.inSource(to), trees.inDest(from)];
  if (!now || !copy || !isItsCopy(parts, now, copy)) return false;
  // Something has the old name by now: which one came when is not known.
  if (trees.inSource(from) !== undefined) return false;
  // A file replaces a file in one step; a directory would have to be removed first.
  const there = trees.inDest(to);
  if (there !== undefined && (there.kind !== 'file' || now.kind !== 'file')) return false;
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
  totals.moved++;
  if (now.kind === 'directory') known.moved(from, to);
  else {
    if (!compare.sameAttributes(now, copy)) setAttributes(trees, to, now);
    // A write from here on gives it another mtime, if this one is at rest.
    if (isAtRest(now.mtimeNs)) known.note(to, now.version);
  }
  return true;
}

/** Where names are left out, what lies below a directory is not all of the mirror. */
function isItsCopy({ rules, compare, checksum, ...parts }: Parts, now: Stat, copy: Stat): boolean {
  if (!parts.delete || !rules.all || now.kind !== copy.kind) return false;
  return now.kind === 'directory' || (!checksum && compare.sameFile(now, copy));
}
