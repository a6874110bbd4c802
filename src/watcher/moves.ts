/**
 * A directory that is found under another name: itself and all that was told below it, each pair with its id.
 * Order: the put of a directory, what it holds, its delete; so that a copy can rename file by file, and never has to
 * remove a directory that is not empty.
 */
import { type ByteName, joinNames } from '../linux/names.js';
import { limits } from './limits.js';
import type { Entry, Known } from './picture.js';
import type { Reconciler } from './reconciler.js';

export async function moveBelow(reconciler: Reconciler, from: Known, to: ByteName, seen: Entry): Promise<void> {
  const { picture, hooks } = reconciler;
  /** Of the directories, whose deletes come last. */
  const ids = new Map<ByteName, string>();
  const move = async (known: Known, target: ByteName, entry: Entry): Promise<void> => {
    await reconciler.clear(picture.get(target), entry);
    if (entry.kind !== 'directory') {
      await reconciler.tellRename(known, target, entry);
      return;
    }
    const id = hooks.renameId();
    ids.set(known.path, id);
    await reconciler.put(target, entry, id);
  };

  await move(from, to, seen);
  let after: ByteName | undefined;
  for (;;) {
    const page = picture.below(from.path, after, limits.pageMax);
    for (const known of page) {
      const target = joinNames(to, known.path.slice(from.path.length + 1) as ByteName);
      const entry = reconciler.look(target);
      if (entry === undefined || entry === 'unknown' || entry.file !== known.file) continue;
      await move(known, target, entry);
    }
    if (page.length < limits.pageMax) break;
    after = page.at(-1)!.path;
  }
  await deleteLeft(reconciler, from, ids);
}

/**
 * A directory that went and is back: whoever was told of what it holds, and looked while it was away, met nothing, and will
 * be told of no change.
 */
export async function tellAgain(reconciler: Reconciler, directory: Known): Promise<void> {
  await tellKnown(reconciler, directory);
  await tellBelow(reconciler, directory.path);
}

/** Tells again what was told below a directory and still lies there. */
export async function tellBelow(reconciler: Reconciler, path: ByteName): Promise<void> {
  for (let after: ByteName | undefined; ; ) {
    const page = reconciler.picture.below(path, after, limits.pageMax);
    for (const known of page) await tellKnown(reconciler, known);
    if (page.length < limits.pageMax) return;
    after = page.at(-1)!.path;
  }
}

async function tellKnown(reconciler: Reconciler, known: Known): Promise<void> {
  const seen = reconciler.look(known.path);
  if (seen !== undefined && seen !== 'unknown' && seen.file === known.file) await reconciler.put(known.path, seen);
}

/** The directories that moved, and what was not found under the new name. */
async function deleteLeft(reconciler: Reconciler, from: Known, ids: ReadonlyMap<ByteName, string>): Promise<void> {
  for (;;) {
    const last = reconciler.picture.lastBelow(from.path, limits.pageMax);
    if (last.length === 0) break;
    for (const known of last) await reconciler.remove(known, ids.get(known.path));
  }
  await reconciler.remove(from, ids.get(from.path));
}
