/**
 * Computes the next events of a path, from the delivered tree and the current state of the disk.
 * Guarantees: a consumer that applies each event has a valid tree after each one. A directory is put before its
 * content, and deleted after it. A file found under another name than the delivered one is reported as a rename, and
 * put again if its bytes may have changed since. When no event is left, the delivered tree equals the tree on disk.
 * Does not: decide when to check, or keep anything between two calls.
 */
import { baseOf, folderOf } from '../../files/job-paths.js';
import { type ByteName, joinNames } from '../../linux/names.js';
import { isCome, isWritten } from '../backend/hints.js';
import type { Hint } from '../backend/types.js';
import { limits } from '../options/limits.js';
import { type DeliveredTree, differs, type Entry, isSame, type Known, type Seen } from './delivered-tree.js';
import type { PendingPath } from './pending.js';

/** One event, and what happens when the consumer has it. */
export interface Difference {
  operation: 'put' | 'delete';
  path: ByteName;
  entry: Entry;
  renameId?: string | undefined;
  /** Absent in the first half of a rename: the second half delivers both. */
  delivered?(): void;
  isCurrent?(): boolean;
}

export interface DifferenceHooks {
  /**
   * The current entry, if it is reported; 'unknown': it could not be checked. `uncached`: directories may have moved
   * within this turn of the event loop.
   */
  look(path: ByteName, uncached?: boolean): Seen | undefined | 'unknown';
  /** The pending state of the path, if any. */
  pendingAt(path: ByteName): PendingPath | undefined;
  /** A pending path at which this inode was seen. */
  seenAt(ino: number): ByteName | undefined;
  renameId(): string;
  /** False: the other half of this rename was delivered before a restart. Half a rename is not reported as a rename. */
  isOfThisStart(renameId: string | undefined): boolean;
  /** The file that was delivered at this path is no longer there. It may live on under other names. */
  lost(known: Known): void;
  /** The path is doubted and pending again. */
  recheck(path: ByteName): void;
  /**
   * The content of this directory must be read again: an earlier check below it may have found nothing, or something
   * else.
   */
  again(directory: ByteName): void;
}

export class Differences {
  /** Paths whose removal is being computed. Two of them may wait for each other, for example when names are swapped. */
  readonly #leaving = new Set<ByteName>();

  constructor(
    private readonly deliveredTree: DeliveredTree,
    private readonly hooks: DifferenceHooks,
  ) {}

  /**
   * Returns one event, or both halves of a rename. An empty list: the path is as it was delivered. Errors: those of the
   * looker and of the delivered tree.
   */
  of(path: ByteName, by: Hint): readonly Difference[] {
    this.#leaving.clear();
    return this.#towards(path, by);
  }

  /** The first event on the way to the current state of this path. */
  #towards(path: ByteName, by: Hint): readonly Difference[] {
    const seen = this.hooks.look(path);
    if (seen === 'unknown') return NOTHING;
    const known = this.deliveredTree.get(path);
    if (seen === undefined) return known === undefined ? NOTHING : this.#leave(known);
    const parent = folderOf(path);
    if (parent !== '' && !isHad(this.deliveredTree.get(parent))) return this.#towards(parent, 'scan');
    // Without a birth time, a directory and a file can have one identity.
    if (known?.file !== seen.file || known.kind !== seen.kind) return this.#arrive(path, seen, known, by);
    const isBack = seen.kind === 'directory' && isCome(by);
    return isBack || differs(known, seen, by) ? [this.#put(path, seen, known, isBack)] : NOTHING;
  }

  /** Another file than the delivered one is at the path, or none was delivered. */
  #arrive(path: ByteName, seen: Seen, known: Known | undefined, by: Hint): readonly Difference[] {
    if (known?.kind === 'directory' && seen.kind !== 'directory') {
      const last = this.deliveredTree.lastBelow(path);
      if (last !== undefined) return this.#leave(last);
    }
    const origin = this.#originOf(path, seen);
    if (origin === undefined) return [this.#put(path, seen, known, known?.kind === 'directory')];
    return seen.kind === 'directory'
      ? [this.#renameDirectory(origin, path, seen, known)]
      : this.#pair(origin, path, seen, known, by);
  }

  /** Nothing is at the path, or nothing that could contain what was delivered below it. */
  #leave(known: Known): readonly Difference[] {
    const { path, kind } = known;
    const isFirst = !this.#leaving.has(path);
    this.#leaving.add(path);
    const last = kind === 'directory' ? this.deliveredTree.lastBelow(path) : undefined;
    if (last !== undefined) return this.#leave(last);
    const place = isFirst ? this.#pathNow(path) : undefined;
    if (place !== undefined && this.deliveredTree.get(place)?.file !== known.file) {
      const steps = this.#towards(place, 'rename');
      if (steps.length > 0) return steps;
    }
    return [
      this.#delete(known, place !== undefined && this.hooks.isOfThisStart(known.renamed) ? known.renamed : undefined),
    ];
  }

  /** The current path of the file that was delivered at `path`. */
  #pathNow(path: ByteName): ByteName | undefined {
    if (path === '') return path;
    const known = this.deliveredTree.get(path);
    if (known === undefined) return undefined;
    const isAt = (place: ByteName | undefined): place is ByteName => {
      const seen = place === undefined ? undefined : this.hooks.look(place);
      return seen !== undefined && seen !== 'unknown' && isSame(known, seen);
    };
    if (isAt(path)) return path;
    const seenAt = this.hooks.seenAt(known.ino);
    if (isAt(seenAt)) return seenAt;
    const folder = folderOf(path);
    if (known.kind === 'directory')
      for (const twin of this.#twinsOf(known.ino)) if (twin.path !== path && isAt(twin.path)) return twin.path;
    const folderNow = this.#pathNow(folder);
    if (folderNow === undefined || folderNow === folder) return undefined;
    const moved = joinNames(folderNow, baseOf(path));
    return isAt(moved) ? moved : undefined;
  }

  /** The delivered name of the file that is now at `path`, if the file is no longer at that name. */
  #originOf(path: ByteName, seen: Seen): Known | undefined {
    for (const twin of this.#twinsOf(seen.ino)) {
      if (twin.path === path || !isSame(twin, seen)) continue;
      const there = this.hooks.look(twin.path);
      if (there === 'unknown' || there?.file === seen.file) continue;
      // If a directory is at the old name again, the entries delivered below it may belong to that directory.
      if (seen.kind !== 'directory' || there?.kind !== 'directory') return twin;
    }
    return undefined;
  }

  #twinsOf(ino: number): Known[] {
    return this.deliveredTree.namesOf(ino, undefined, limits.twinsMax);
  }

  /** `again`: everything delivered below the path is reported again. */
  #put(path: ByteName, seen: Seen, known: Known | undefined, again: boolean): Difference {
    const delivered = (): void => {
      this.deliveredTree.put(path, seen);
      this.#delivered(path, seen);
      this.#replaced(known, seen);
      if (again) this.hooks.again(path);
    };
    return { operation: 'put', path, entry: seen, delivered, isCurrent: () => this.#isCurrent(path, seen) };
  }

  #delete(known: Known, renameId: string | undefined): Difference {
    const by = this.hooks.pendingAt(known.path)?.by;
    // Without an event under this name it went along with a directory, where a write causes no event.
    const doubted = known.doubted || (by !== 'delete' && by !== 'written_deleted');
    const delivered = (): void => {
      this.deliveredTree.remove(known.path);
      this.hooks.lost({ ...known, doubted });
      this.#delivered(known.path, undefined);
    };
    const { path } = known;
    return {
      operation: 'delete',
      path,
      entry: known,
      renameId,
      delivered,
      isCurrent: () => this.#isCurrent(path, undefined),
    };
  }

  /** The old name is deleted after everything delivered below it was reported under the new name. */
  #renameDirectory(origin: Known, path: ByteName, seen: Seen, known: Known | undefined): Difference {
    const renameId = this.hooks.renameId();
    const put = this.#put(path, seen, known, known?.kind === 'directory');
    const delivered = (): void => {
      put.delivered!();
      this.deliveredTree.renamed(origin.path, renameId);
    };
    return { ...put, renameId, delivered };
  }

  #pair(origin: Known, path: ByteName, seen: Seen, known: Known | undefined, by: Hint): readonly Difference[] {
    const renameId = this.hooks.renameId();
    const { content, changed } = origin;
    const isOther = content !== seen.content || this.#mayBeWritten(origin, path, seen, by);
    // A write through the old name may be noticed until then.
    const isDoubted = (): boolean => isOther || this.deliveredTree.get(origin.path)?.doubted === true;
    const isCurrent = (): boolean => !isDoubted() && this.#isCurrent(path, seen);
    const delivered = (): void => {
      const doubted = isDoubted();
      this.deliveredTree.remove(origin.path);
      // A consumer that renames its copy has the bytes delivered under the old name. If the bytes may differ, they are
      // reported next.
      this.deliveredTree.put(path, { ...valuesOf(seen), content, changed, doubted });
      this.hooks.lost({ ...origin, doubted });
      this.#delivered(origin.path, undefined);
      this.#delivered(path, seen);
      this.#replaced(known, seen);
    };
    return [
      { operation: 'delete', path: origin.path, entry: origin, renameId },
      { operation: 'put', path, entry: seen, renameId, delivered, isCurrent },
    ];
  }

  /**
   * Decides whether a file found under another name may have other bytes than the delivered ones, although size and mtime
   * are equal. An event reports a write under the name of that time, and there is no event if nobody watched. `by`: the
   * hint of the new name.
   */
  #mayBeWritten(origin: Known, path: ByteName, seen: Seen, by: Hint): boolean {
    const left = this.hooks.pendingAt(origin.path)?.by;
    if (origin.doubted || seen.doubted || isWritten(by)) return true;
    // The file had left its old name before, and come back.
    if (left !== undefined && (isWritten(left) || isCome(left))) return true;
    // A rename changes the ctime of the renamed file, but not of files in a renamed directory.
    if (this.#hasMovedAlong(origin.path, path)) return origin.changed !== seen.changed;
    return this.#wasUnwatched(folderOf(origin.path), path);
  }

  /** No event reports a write in a directory that is being renamed, or that was not read yet. */
  #wasUnwatched(from: ByteName, path: ByteName): boolean {
    const { by, cause } = this.hooks.pendingAt(path) ?? {};
    if (by === 'scan' && cause === 'event') return true;
    for (let at = from; at !== ''; at = folderOf(at)) {
      const now = this.hooks.look(at);
      if (now === undefined || now === 'unknown' || now.file !== this.deliveredTree.get(at)?.file) return true;
      const hint = this.hooks.pendingAt(at)?.by;
      if (hint !== undefined && isCome(hint)) return true;
    }
    return false;
  }

  /** True: the file is in the same directory under the same name; only the directory was renamed. */
  #hasMovedAlong(from: ByteName, to: ByteName): boolean {
    const [directory, directoryNow] = [from, to].map((path) => this.deliveredTree.get(folderOf(path))?.file);
    return directory !== undefined && directory === directoryNow && baseOf(from) === baseOf(to);
  }

  /**
   * True: a consumer that has this event has the current state. The file may have been replaced since, and the consumer
   * may have read the replacement.
   */
  #isCurrent(path: ByteName, seen: Seen | undefined): boolean {
    const now = this.hooks.look(path, true);
    return now !== 'unknown' && now?.file === seen?.file && now?.changed === seen?.changed;
  }

  #delivered(path: ByteName, seen: Seen | undefined): void {
    if (!this.#isCurrent(path, seen)) this.hooks.recheck(path);
  }

  #replaced(known: Known | undefined, seen: Seen): void {
    if (known !== undefined && known.file !== seen.file) this.hooks.lost(known);
  }
}

const NOTHING: readonly Difference[] = [];

/** A directory that the consumer certainly has. */
const isHad = (known: Known | undefined): boolean => known?.kind === 'directory' && known.file !== '';

/** A Seen computes its texts when they are read, so it cannot be spread. */
const valuesOf = ({ kind, ino, file, content, changed, doubted }: Entry): Entry => ({
  kind,
  ino,
  file,
  content,
  changed,
  doubted,
});
