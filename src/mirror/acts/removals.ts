/**
 * Removes entries from DEST. With --no-delete nothing is removed, except an entry that is replaced by one of its own
 * kind.
 */
import { baseOf, folderOf } from '../../files/job-paths.js';
import { mountsBelow } from '../../files/mounts.js';
import { type ByteName, joinNames, renameReplacing, type Stat, shownName, unlinkAt } from '../../linux/index.js';
import { CannotMirror, MovedOn } from '../trees/failures.js';
import { removeAside } from '../trees/leftovers.js';
import { listTree, removeTree } from '../trees/remove-tree.js';
import type { Trees } from '../trees/trees.js';
import { ready } from './attributes.js';
import { onlyPlanned, type Parts } from './parts.js';

/**
 * A directory is first moved out of sight in one step, and then deleted. If something in it is excluded, that stays
 * with its directories.
 */
export async function remove(parts: Parts, trees: Trees, path: ByteName, there: Stat): Promise<void> {
  const { rules, source, totals, giveWay, knownCopies } = parts;
  if (!parts.delete) return;
  source.refuseLost(trees, path, true);
  await giveWay(path);
  source.refuseEmpty(trees.source.rootFd);
  const isDirectory = there.kind === 'directory';
  if (isDirectory) refuseMounts(parts, path);
  if (isDirectory && !rules.all) {
    const below = (at: ByteName): ByteName => joinNames(folderOf(path), at);
    const spare = (at: ByteName, isOne: boolean): boolean => !rules.covers(below(at), isOne);
    await removeSpared(parts, trees, path, spare);
  } else if (onlyPlanned(parts, 'remove', path, isDirectory ? 'with all below it' : 'SOURCE does not have it')) return;
  else if (isDirectory) {
    const name = putAside(parts, trees, path);
    totals.removed += await removeAside(trees.making, name, parts.dest.path, parts.emit);
  } else {
    unlinkAt(ready(trees, folderOf(path)), baseOf(path));
    knownCopies.forget(there);
    totals.removed++;
  }
}

/** `spare` gets paths that start with the name of the directory. */
async function removeSpared(
  parts: Parts,
  trees: Trees,
  path: ByteName,
  spare: (at: ByteName, isDirectory: boolean) => boolean,
): Promise<void> {
  const [folder, name] = [folderOf(path), baseOf(path)];
  if (parts.plan) {
    const report = (at: ByteName) => onlyPlanned(parts, 'remove', joinNames(folder, at), 'SOURCE does not have it');
    listTree(trees.dest.directory(folder), name, spare, report);
    return;
  }
  trees.dest.leave(path);
  parts.totals.removed += await removeTree(ready(trees, folder), name, spare);
}

/** A directory can be moved with a mount in it, whose files are not of this mirror. Errors: CannotMirror. */
function refuseMounts({ dest }: Parts, path: ByteName): void {
  const mount = mountsBelow(dest.path).find((at) => at === path || at.startsWith(`${path}/`));
  if (mount === undefined) return;
  const where = shownName(mount);
  throw new CannotMirror(
    'kept',
    `a filesystem is mounted at ${where} in DEST; unmount it, and the directory is removed`,
  );
}

/** Throws if the entry in DEST may not make room for an entry of another kind. Errors: CannotMirror. */
export function checkWay(parts: Parts, path: ByteName, source: Stat, there: Stat | undefined): void {
  if (there === undefined || there.kind === source.kind) return;
  const kept = (why: string) =>
    new CannotMirror('kept', `a ${there.kind} lies where a ${source.kind} belongs, and ${why}`);
  const isDirectory = there.kind === 'directory';
  if (!parts.delete && (isDirectory || source.kind === 'directory')) throw kept('--no-delete is set');
  if (isDirectory && !parts.rules.all) throw kept('something in it may be left out');
  if (!parts.rules.coversAll(path, isDirectory)) throw kept('it is left out');
  onlyPlanned(parts, 'replace', path, `a ${there.kind} becomes a ${source.kind}`);
}

/** A rename replaces anything but a directory. A directory is put aside, and deleted with the other temporary files. */
export function clearWay(parts: Parts, trees: Trees, path: ByteName): void {
  const [source, there] = [trees.inSource(path), trees.inDest(path)];
  if (there?.kind !== 'directory') return;
  if (source === undefined) throw new MovedOn();
  parts.source.refuseLost(trees, path, true);
  checkWay(parts, path, source, there);
  refuseMounts(parts, path);
  trees.aside.push(putAside(parts, trees, path));
  parts.totals.removed++;
}

function putAside({ dest }: Parts, trees: Trees, path: ByteName): ByteName {
  const name = dest.newName();
  ready(trees, path); // it must be writable to be moved into another directory
  const dir = ready(trees, folderOf(path));
  trees.dest.leave(path);
  for (const at of [...trees.touched]) if (at === path || at.startsWith(`${path}/`)) trees.touched.delete(at);
  renameReplacing(dir, baseOf(path), trees.making, name);
  return name;
}
