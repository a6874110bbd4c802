/**
 * A DEST that takes several names for one (vfat, NTFS and SMB fold case; vfat trims ends). SOURCE may have the one name,
 * and DEST list the other: what is removed by the other is the copy.
 * Does not: know such a DEST where each name shows an inode of its own (some FUSE).
 */
import { baseOf, folderOf } from '../../files/job-paths.js';
import { namesIn } from '../../files/names-in.js';
import { type ByteName, joinNames, nameOfText, type Stat, shownName } from '../../linux/index.js';
import { CannotMirror } from './failures.js';
import type { Rules } from './rules.js';
import type { Trees } from './trees.js';

interface Known {
  rules: Rules;
  knownCopies: { doubtUnknown(copy: Stat | undefined): void };
}

/**
 * Two names of SOURCE may be one entry in DEST: the one that DEST lists is mirrored, or the first by bytes if it lists a third one. Errors: CannotMirror if the path is
 * the other one, or below it; the entry is no copy of that, whatever its size and times are. `above` false: the
 * directories above are known not to be.
 */
export function refuseFolded({ rules, knownCopies }: Known, trees: Trees, path: ByteName, above = true): void {
  if (!trees.folds()) return;
  for (let at = path; at !== ''; at = above ? folderOf(at) : ('' as ByteName)) {
    const other = listedFor(rules, trees, at);
    if (other === undefined) continue;
    const why = `DEST takes it for ${shownName(other)}, which SOURCE has too; rename one of the two, or leave it out with --exclude`;
    knownCopies.doubtUnknown(trees.inDest(at));
    throw new CannotMirror('folded', why, at);
  }
}

function listedFor(rules: Rules, trees: Trees, path: ByteName): ByteName | undefined {
  const [folder, own] = [folderOf(path), baseOf(path)];
  const covered = (at: ByteName): boolean => {
    const found = trees.inSource(at);
    return found !== undefined && rules.coversAll(at, found.kind === 'directory');
  };
  const entry = trees.inDest(path)?.file;
  if (entry === undefined || !covered(path)) return undefined;
  const isOne = (at: ByteName): boolean => at !== path && trees.inDest(at)?.file === entry && covered(at);
  const others = namesAlike(trees, folder, foldedName(own)).filter((name) => isOne(joinNames(folder, name)));
  if (others.length === 0) return undefined;
  // DEST may list a name that SOURCE had before.
  let listed = [own, ...others].toSorted()[0]!;
  for (const name of namesIn(trees.dest.directory(folder))) {
    if (name === own) return undefined;
    if (others.includes(name)) listed = name;
  }
  return listed === own ? undefined : joinNames(folder, listed);
}

/** The names in a directory of SOURCE that fold to the same, if there are two or more. */
function namesAlike(trees: Trees, folder: ByteName, folded: string): ByteName[] {
  let alike = trees.alike.get(folder);
  if (alike === undefined) {
    const all = Map.groupBy(namesIn(trees.source.directory(folder)), foldedName);
    alike = new Map([...all].filter(([, names]) => names.length > 1));
    trees.alike.set(folder, alike);
  }
  return alike.get(folded) ?? [];
}

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
