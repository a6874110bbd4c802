/**
 * Finds out whether two directories with separate paths share a part through a bind mount.
 * Guarantees: an overlap in the mount table counts only if device and inode are equal too. NFS, for example, shows each
 * of its mounts as if it were the root of its filesystem.
 * Does not: see through filesystems that show another one as their own (overlays, FUSE).
 */
import { type BigIntStats, lstatSync } from 'node:fs';
import { allMounts, type Mount } from '../../files/mounts.js';
import { type ByteName, bytesOfName } from '../../linux/index.js';

/**
 * Returns a part of SOURCE and a part of DEST such that one is, or contains, the other. Both paths are absolute and
 * real.
 */
export function overlapping(source: ByteName, dest: ByteName): { source: ByteName; dest: ByteName } | undefined {
  const mounts = allMounts();
  for (const a of seenIn(source, mounts)) {
    for (const b of seenIn(dest, mounts)) if (shows(a, b) || shows(b, a)) return { source: a.at, dest: b.at };
  }
  return undefined;
}

/** The directory itself and each mount below it. */
function seenIn(path: ByteName, mounts: readonly Mount[]): Mount[] {
  const below = mounts.filter(({ at }) => at.startsWith(`${path}/`));
  const on = mounts.filter(({ at }) => restBelow(path, at) !== undefined);
  const nearest = on.reduce((best, mount) => (mount.at.length >= best.at.length ? mount : best), on[0]!);
  return [{ ...nearest, root: joined(nearest.root, restBelow(path, nearest.at)!), at: path }, ...below];
}

/** True if the root of `inner` is also visible in `outer`. */
function shows(outer: Mount, inner: Mount): boolean {
  const rest = outer.device === inner.device ? restBelow(inner.root, outer.root) : undefined;
  return rest !== undefined && isSame(joined(outer.at, rest), inner.at);
}

/** '' if they are equal; undefined if `path` is not within `folder`. */
function restBelow(path: ByteName, folder: ByteName): ByteName | undefined {
  if (path === folder) return '' as ByteName;
  return path.startsWith(`${folder}/`) ? (path.slice(folder.length + 1) as ByteName) : undefined;
}

const joined = (folder: ByteName, rest: ByteName): ByteName =>
  rest === '' ? folder : (`${folder}/${rest}` as ByteName);

function isSame(a: ByteName, b: ByteName): boolean {
  const [x, y] = [statOf(a), statOf(b)];
  return x !== undefined && y !== undefined && x.dev === y.dev && x.ino === y.ino;
}

function statOf(path: ByteName): BigIntStats | undefined {
  try {
    return lstatSync(path === '' ? '/' : bytesOfName(path), { bigint: true });
  } catch {
    return undefined; // it cannot be reached on this path, so nobody copies through it
  }
}
