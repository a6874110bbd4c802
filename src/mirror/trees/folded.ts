/**
 * A DEST that takes several names for one (vfat, NTFS and SMB fold case; vfat trims ends). SOURCE may have the one name,
 * and DEST list the other: what is removed by the other is the copy.
 * Does not: know such a DEST where each name shows an inode of its own (some FUSE).
 */
import { baseOf, folderOf } from '../../files/job-paths.js';
import { namesIn } from '../../files/names-in.js';
import { type ByteName, joinNames, nameOfText, shownName } from '../../linux/index.js';
import type { Trees } from './trees.js';

/** True if another name that SOURCE has leads to the entry of DEST at a path that SOURCE does not have, or to a folder above it. */
export function isNamedOtherwise(trees: Trees, path: ByteName): boolean {
  let at = path;
  while (folderOf(at) !== '' && trees.inSource(folderOf(at))?.kind !== 'directory') at = folderOf(at);
  const [folder, own] = [folderOf(at), baseOf(at)];
  const entry = trees.inDest(at)?.file;
  const isOne = (name: ByteName): boolean => name !== own && trees.inDest(joinNames(folder, name))?.file === entry;
  // SOURCE's folder may have a million names, and is only read where one of these is the entry too.
  if (!spellingsOf(own).some(isOne)) return false;
  const folded = foldedName(own);
  for (const name of namesIn(trees.source.directory(folder)))
    if (foldedName(name) === folded && isOne(name) && !areLinks(trees.dest.directory(folder), own, name)) return true;
  return false;
}

/** Two hard links are both listed; of two spellings one is. */
function areLinks(fd: number, one: ByteName, other: ByteName): boolean {
  let listed = 0;
  for (const name of namesIn(fd)) if (name === one || name === other) listed++;
  return listed === 2;
}

/** One of them, if not the name itself, is the same entry in each folder that takes several names for one. */
function spellingsOf(name: ByteName): ByteName[] {
  const text = shownName(name);
  const spellings = [text.toUpperCase(), text.toLowerCase(), text.normalize('NFC'), text.normalize('NFD'), `${text}.`];
  return spellings.map(nameOfText);
}

/** Names that no such DEST takes for one differ here too: only few are asked for. */
const foldedName = (name: ByteName): string =>
  shownName(name)
    .normalize('NFC')
    .toLowerCase()
    .replace(/[. ]+$/, '');
