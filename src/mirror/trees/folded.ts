/**
 * A DEST that takes several names for one (vfat, NTFS and SMB fold case; vfat trims ends). SOURCE may have the one name,
 * and DEST list the other: what is removed by the other is the copy.
 * Does not: know such a DEST where each name shows an inode of its own (some FUSE), or only a folder of it folds.
 */
import { baseOf, folderOf } from '../../files/job-paths.js';
import { namesIn } from '../../files/names-in.js';
import { type ByteName, joinNames, nameOfText, shownName, statAtOrNone } from '../../linux/index.js';
import { HIDDEN } from './rules.js';
import type { Trees } from './trees.js';

const HIDDEN_FOLDED = nameOfText(shownName(HIDDEN).toUpperCase());

/** True if another name that SOURCE has leads to the entry of DEST at a path that SOURCE does not have, or to a folder above it. */
export function isNamedOtherwise(trees: Trees, path: ByteName): boolean {
  const { rootFd } = trees.dest;
  const hidden = statAtOrNone(rootFd, HIDDEN_FOLDED)?.file;
  if (hidden === undefined || hidden !== statAtOrNone(rootFd, HIDDEN)?.file) return false;
  let at = path;
  while (folderOf(at) !== '' && trees.inSource(folderOf(at))?.kind !== 'directory') at = folderOf(at);
  const entry = trees.inDest(at)?.file;
  const folded = foldedName(baseOf(at));
  for (const name of namesIn(trees.source.directory(folderOf(at)))) {
    if (foldedName(name) !== folded || (at === path && name === baseOf(path))) continue;
    if (trees.inDest(joinNames(folderOf(at), name))?.file === entry) return true;
  }
  return false;
}

/** Names that no such DEST takes for one differ here too: only few are asked for. */
const foldedName = (name: ByteName): string =>
  shownName(name)
    .normalize('NFC')
    .toLowerCase()
    .replace(/[. ]+$/, '');
