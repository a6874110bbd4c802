/** Files and symlinks of DEST, made like those of SOURCE. */
import type { Paced } from '../files/pace.js';
import { baseOf, folderOf } from '../files/places.js';
import {
  type ByteName,
  makeSymlinkAt,
  readLinkAt,
  renameReplacing,
  type Stat,
  statAtOrNone,
  unlinkAt,
} from '../linux/index.js';
import { mirrorFile, sameContent } from './copy-file.js';
import { ensure } from './ensure.js';
import type { Parts } from './parts.js';
import { clearWay } from './removals.js';
import { ready, setAttributes, setLinkAttributes } from './settle.js';
import type { Trees } from './trees.js';

/** Whether nothing is to be copied; the attributes are set right away. `told`: only what is known to be copied counts. */
export function isLike(parts: Parts, trees: Trees, path: ByteName, source: Stat, told: boolean): boolean {
  const { compare, checksum, known } = parts;
  const dest = trees.inDest(path);
  if (dest === undefined || !compare.sameFile(source, dest)) return false;
  if (told ? !known.is(path, source.version) : checksum) return false;
  likeAttributes(parts, trees, path, source, dest);
  return true;
}

export async function file(parts: Parts, trees: Trees, path: ByteName, told: boolean, pace?: Paced): Promise<void> {
  const { checksum, totals, dest, known, wrote } = parts;
  if (checksum && !told && (await sameBytes(parts, trees, path, pace))) return;
  const copied = await mirrorFile(trees, path, {
    temporary: dest.newName(),
    into: () => {
      ensure(parts, trees, folderOf(path));
      return ready(trees, folderOf(path));
    },
    clearWay: () => clearWay(parts, trees, path),
    pace,
  });
  known.note(path, copied.version);
  totals.copied++;
  totals.bytes += copied.size;
  wrote();
}

export function symlink(parts: Parts, trees: Trees, path: ByteName, source: Stat): void {
  const target = readLinkAt(trees.source.directory(folderOf(path)), baseOf(path));
  ensure(parts, trees, folderOf(path));
  const into = trees.dest.directory(folderOf(path));
  const there = statAtOrNone(into, baseOf(path));
  if (there?.kind === 'symlink' && readLinkAt(into, baseOf(path)) === target) {
    if (!parts.compare.sameAttributes(source, there)) setLinkAttributes(into, baseOf(path), source);
    return;
  }
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

async function sameBytes(parts: Parts, trees: Trees, path: ByteName, pace?: Paced): Promise<boolean> {
  const [source, dest] = [trees.inSource(path), trees.inDest(path)];
  if (source?.kind !== 'file' || dest?.kind !== 'file' || source.size !== dest.size) return false;
  if (!(await sameContent(trees, path, pace))) return false;
  likeAttributes(parts, trees, path, source, dest);
  return true;
}

function likeAttributes({ compare, totals }: Parts, trees: Trees, path: ByteName, source: Stat, dest: Stat): void {
  if (compare.sameAttributes(source, dest)) return;
  setAttributes(trees, path, source);
  totals.touched++;
}
