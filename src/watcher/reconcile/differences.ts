/**
 * What has to be told next, from the delivered tree and what lies there now.
 * Guarantees: whoever applies each event has a tree after each one: a directory is put before what it holds, and deleted
 * after it; a file that is found under another name than it was told by is told as renamed, and put once more where its
 * bytes may have changed since; when nothing is left to tell, the delivered tree is the tree that lies there.
 * Does not: decide when to look, or keep anything between two questions.
 */
import { baseOf, folderOf } from '../../files/places.js';
import { type ByteName, joinNames } from '../../linux/names.js';
import { isCome } from '../backend/hints.js';
import type { Hint } from '../backend/types.js';
import { limits } from '../options/limits.js';
import { differs, isSame } from './compare.js';
import type { DeliveredTree, Entry, Known, Seen } from './delivered-tree.js';
import { mayBeWritten, type PathLookups } from './unseen-writes.js';

/** One event, and what is known when the consumer has it. */
export interface Difference {
  operation: 'put' | 'delete';
  path: ByteName;
  entry: Entry;
  renameId?: string | undefined;
  /** Absent of the first half of a pair: the second one delivers both. */
  delivered?(): void;
  isCurrent?(): boolean;
}

export interface DifferenceHooks extends PathLookups {
  /** A path in doubt at which the inode was seen. */
  seenAt(ino: number): ByteName | undefined;
  renameId(): string;
  /** Half a rename is none: the other half was told before a stop. */
  isOfThisStart(renameId: string | undefined): boolean;
  /** The file that was delivered at this path is not there any more: it may live on by other names. */
  lost(known: Known): void;
  /** It has to be asked again. */
  recheck(path: ByteName): void;
  /** Who looked at what lies below a directory may have met nothing, or something else. */
  again(directory: ByteName): void;
}

export class Differences {
  /** Paths whose leaving is being told: two of them may wait for each other, as when names are swapped. */
  readonly #leaving = new Set<ByteName>();

  constructor(
    private readonly deliveredTree: DeliveredTree,
    private readonly hooks: DifferenceHooks,
  ) {}

  /** One event or both halves of a rename; of none, the path is as it was delivered. Errors: those of the looker and of the picture. */
  of(path: ByteName, by: Hint): readonly Difference[] {
    this.#leaving.clear();
    return this.#towards(path, by);
  }

  /** The first thing to be told on the way to this path. */
  #towards(path: ByteName, by: Hint): readonly Difference[] {
    const seen = this.hooks.look(path);
    if (seen === 'unknown') return NOTHING;
    const known = this.deliveredTree.get(path);
    if (seen === undefined) return known === undefined ? NOTHING : this.#leave(known);
    const parent = folderOf(path);
    if (parent !== '' && !isHad(this.deliveredTree.get(parent))) return this.#towards(parent, 'scan');
    if (known?.file !== seen.file) return this.#arrive(path, seen, known, by);
    const isBack = seen.kind === 'directory' && isCome(by);
    return isBack || differs(known, seen, by) ? [this.#put(path, seen, known, isBack)] : NOTHING;
  }

  /** Another file than was delivered lies at the path, or none was. */
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

  /** Nothing lies there, or nothing that could hold what was delivered below it. */
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

  /** Where that lies now which was delivered at the path. */
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

  /** The name by which a file was delivered that is found at `path` now, and not there any more. */
  #originOf(path: ByteName, seen: Seen): Known | undefined {
    for (const twin of this.#twinsOf(seen.ino)) {
      if (twin.path === path || !isSame(twin, seen)) continue;
      const there = this.hooks.look(twin.path);
      if (there === 'unknown' || there?.file === seen.file) continue;
      // Where a directory lies again, what was delivered below it may be of that one.
      if (seen.kind !== 'directory' || there?.kind !== 'directory') return twin;
    }
    return undefined;
  }

  #twinsOf(ino: number): Known[] {
    return this.deliveredTree.namesOf(ino, undefined, limits.twinsMax);
  }

  /** `again`: what was delivered below it is told once more. */
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
    const delivered = (): void => {
      this.deliveredTree.remove(known.path);
      this.hooks.lost(known);
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

  /** The old name is deleted when all that was delivered below it has been told by its new name. */
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
    const isOther = content !== seen.content || mayBeWritten(origin, path, seen, by, this.deliveredTree, this.hooks);
    // A write through the old name may be met until then.
    const isDoubted = (): boolean => isOther || this.deliveredTree.get(origin.path)?.doubted === true;
    const isCurrent = (): boolean => !isDoubted() && this.#isCurrent(path, seen);
    const delivered = (): void => {
      const doubted = isDoubted();
      this.deliveredTree.remove(origin.path);
      // Who renamed its copy has the bytes that were told by the old name: they are told next, where they may be others.
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

  /** Whoever was told of it has what lies there. Something else may have come there since, and have been read. */
  #isCurrent(path: ByteName, told: Seen | undefined): boolean {
    const now = this.hooks.look(path, true);
    return now !== 'unknown' && now?.file === told?.file && now?.changed === told?.changed;
  }

  #delivered(path: ByteName, told: Seen | undefined): void {
    if (this.#isCurrent(path, told)) return;
    this.deliveredTree.doubt(path);
    this.hooks.recheck(path);
  }

  #replaced(known: Known | undefined, seen: Seen): void {
    if (known !== undefined && known.file !== seen.file) this.hooks.lost(known);
  }
}

const NOTHING: readonly Difference[] = [];

/** A directory that the consumer is certain to have. */
const isHad = (known: Known | undefined): boolean => known?.kind === 'directory' && known.file !== '';

/** What is seen makes its texts when they are asked for, so it cannot be spread. */
const valuesOf = ({ kind, ino, file, content, changed, doubted }: Entry): Entry => ({
  kind,
  ino,
  file,
  content,
  changed,
  doubted,
});
