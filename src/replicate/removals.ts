/** What leaves DEST. With --no-delete nothing does, save what is replaced by something of its own kind. */
import { baseOf, folderOf } from '../files/places.js';
import { type ByteName, joinNames, renameReplacing, type Stat, unlinkAt } from '../linux/index.js';
import { CannotMirror } from './failures.js';
import type { Parts } from './parts.js';
import { removeTree } from './remove-tree.js';
import { ready } from './settle.js';
import type { Trees } from './trees.js';

/** A directory goes whole: in one step out of sight, then from the disk; one in which something is left out keeps that. */
export async function remove(parts: Parts, trees: Trees, path: ByteName, there: Stat): Promise<void> {
  const { rules, source, totals, giveWay } = parts;
  if (!parts.delete) return;
  source.refuseLost(trees, path, true);
  await giveWay(path);
  source.refuseEmpty(trees.source.rootFd);
  if (there.kind !== 'directory') {
    unlinkAt(ready(trees, folderOf(path)), baseOf(path));
    totals.removed++;
    return;
  }
  if (rules.all) {
    totals.removed += await removeTree(trees.making, putAside(parts, trees, path));
    return;
  }
  trees.dest.leave(path);
  const below = (at: ByteName): ByteName => joinNames(folderOf(path), at);
  const spare = (at: ByteName, isDirectory: boolean): boolean => !rules.covers(below(at), isDirectory);
  totals.removed += await removeTree(ready(trees, folderOf(path)), baseOf(path), spare);
}

/** A rename replaces anything but a directory: that is put aside, and goes with the rest of what was being made. */
export function clearWay(parts: Parts, trees: Trees, path: ByteName): void {
  if (trees.inDest(path)?.kind !== 'directory') return;
  parts.source.refuseLost(trees, path, true);
  const kept = (why: string) => new CannotMirror('kept', `a directory lies where a file belongs, and ${why}`);
  if (!parts.delete) throw kept('--no-delete is set');
  if (!parts.rules.all) throw kept('something in it may be left out');
  trees.aside.push(putAside(parts, trees, path));
  parts.totals.removed++;
}

function putAside({ dest }: Parts, trees: Trees, path: ByteName): ByteName {
  const name = dest.newName();
  ready(trees, path); // to be renamed into another directory it must be writable
  const dir = ready(trees, folderOf(path));
  trees.dest.leave(path);
  for (const at of [...trees.touched]) if (at === path || at.startsWith(`${path}/`)) trees.touched.delete(at);
  renameReplacing(dir, baseOf(path), trees.making, name);
  return name;
}
