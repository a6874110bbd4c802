/**
 * Makes the files and symlinks of DEST like those of SOURCE.
 */
import { closeSync } from 'node:fs';
import { hasRights, keepAttributes, rightsOf } from '../../files/attributes.js';
import { baseOf, folderOf } from '../../files/job-paths.js';
import type { Throttle } from '../../files/rate-limit.js';
import {
  type ByteName,
  makeSymlinkAt,
  openData,
  readLinkAt,
  renameReplacing,
  type Stat,
  unlinkAt,
} from '../../linux/index.js';
import { CannotMirror, MovedOn } from '../trees/failures.js';
import { refuseFolded } from '../trees/folded.js';
import type { Trees } from '../trees/trees.js';
import { ATTRIBUTES_DIFFER, ready, setLinkAttributes, withCopy } from './attributes.js';
import { mirrorFile, sameContent } from './copy-file.js';
import { ensure } from './ensure.js';
import { onlyPlanned, type Parts } from './parts.js';
import { checkWay, clearWay } from './removals.js';

/** True if nothing needs to be compared or copied; then the attributes are set at once. `dest`: the file in DEST. */
export function isLike(parts: Parts, trees: Trees, path: ByteName, source: Stat, dest: Stat | undefined): boolean {
  if (dest === undefined || !parts.knownCopies.isCopy(source, dest)) return false;
  likeAttributes(parts, trees, path, source, dest, true);
  return true;
}

/** Compares the file if size and mtime suggest that it is already the copy; otherwise copies it. */
export async function file(parts: Parts, trees: Trees, path: ByteName, throttle?: Throttle): Promise<void> {
  const { totals, dest, knownCopies, wrote } = parts;
  refuseFolded(parts, trees, path, false);
  const [source, there] = [trees.inSource(path), trees.inDest(path)];
  if (source?.kind !== 'file') throw new MovedOn();
  if (await sameBytes(parts, trees, path, source, there, throttle)) return;
  checkWay(parts, path, source, there);
  if (parts.plan) closeSync(openData(trees.source.directory(folderOf(path)), baseOf(path)));
  if (onlyPlanned(parts, 'copy', path, whyCopied(parts, source, there), source.size)) return;
  const copied = await mirrorFile(trees, path, {
    temporary: dest.newName(),
    into: () => {
      if (there === undefined && trees.folds() && trees.inDest(path))
        throw new CannotMirror('folded', 'it came to DEST meanwhile, by another name that DEST takes for this one');
      ensure(parts, trees, folderOf(path));
      return ready(trees, folderOf(path));
    },
    clearWay: () => clearWay(parts, trees, path),
    throttle,
  });
  knownCopies.forget(there);
  knownCopies.know(copied);
  totals.copied++;
  totals.bytes += copied.source.size;
  wrote();
}

/** `there`: the entry in DEST. */
export function symlink(parts: Parts, trees: Trees, path: ByteName, source: Stat, there: Stat | undefined): void {
  const target = readLinkAt(trees.source.directory(folderOf(path)), baseOf(path));
  if (there?.kind === 'symlink' && readLinkAt(trees.dest.directory(folderOf(path)), baseOf(path)) === target) {
    if (parts.compare.sameAttributes(source, there)) return;
    if (onlyPlanned(parts, 'attributes', path, 'owner or times differ')) return;
    setLinkAttributes(trees.dest.directory(folderOf(path)), baseOf(path), source);
    return;
  }
  ensure(parts, trees, folderOf(path));
  checkWay(parts, path, source, there);
  if (onlyPlanned(parts, 'link', path, 'a symlink', source.size)) return;
  const temporary = parts.dest.newName();
  makeSymlinkAt(target, trees.making, temporary);
  try {
    setLinkAttributes(trees.making, temporary, source);
    clearWay(parts, trees, path);
    renameReplacing(trees.making, temporary, ready(trees, folderOf(path)), baseOf(path));
  } catch (error) {
    unlinkAt(trees.making, temporary);
    throw error;
  }
  parts.totals.copied++;
  parts.wrote();
}

async function sameBytes(
  parts: Parts,
  trees: Trees,
  path: ByteName,
  source: Stat,
  there: Stat | undefined,
  throttle?: Throttle,
): Promise<boolean> {
  const { compare, checksum, knownCopies } = parts;
  if (there?.kind !== 'file' || source.size !== there.size) return false;
  if (!checksum && !compare.sameTime(source, there)) return false;
  const pair = await sameContent(trees, path, throttle);
  if (pair === undefined) return false;
  // The file may have been replaced under this name while the bytes were compared.
  if (trees.inSource(path)?.version !== pair.source.version) return false;
  knownCopies.know(pair);
  likeAttributes(parts, trees, path, pair.source, pair.copy, false);
  return true;
}

function whyCopied({ compare, checksum }: Parts, source: Stat, there: Stat | undefined): string {
  if (there?.kind !== 'file') return 'DEST does not have it';
  if (source.size !== there.size) return 'the size differs';
  return checksum || compare.sameTime(source, there) ? 'the content differs' : 'the mtime differs';
}

/** `isKnown`: neither file has changed since they were compared, so equal stats are enough. */
function likeAttributes(parts: Parts, trees: Trees, path: ByteName, source: Stat, dest: Stat, isKnown: boolean): void {
  const { compare, totals } = parts;
  if (isKnown && compare.sameAttributes(source, dest)) return;
  withCopy(trees, path, (from, to, copy) => {
    if (compare.sameTime(source, copy) && hasRights(to, copy, rightsOf(from, source))) return;
    if (onlyPlanned(parts, 'attributes', path, ATTRIBUTES_DIFFER)) return;
    keepAttributes(to, from, source);
    totals.touched++;
  });
}
