/**
 * Makes paths of DEST as they are in SOURCE: what is told (`apply`), what is to be tried again, a tree.
 * Guarantees: doing it twice is doing it once. What was done in a directory is on disk, with the directory's own mode and times,
 * before it counts as done; large files, which are copied beside everything else, are the exception.
 * Does not: decide when.
 */
import type { Change, Operation } from '../change-log/index.js';
import { folderOf } from '../files/places.js';
import { type ByteName, nameOfBytes } from '../linux/index.js';
import { file, isLike } from './acts/acts.js';
import { GaveWay, LargeCopies } from './acts/large-copies.js';
import { move } from './acts/move.js';
import type { Parts } from './acts/parts.js';
import { Looking } from './looking.js';
import { type Stretch, settleIn, stretchOf } from './stretch.js';
import type { Trees } from './trees/trees.js';
import type { Trouble } from './trouble.js';

interface Told {
  path: ByteName;
  operation: Operation;
  renameId?: string | undefined;
}

export class Mirror {
  readonly #parts: Parts;
  readonly #large = new LargeCopies((path, signal) => this.#copyLarge(path, signal));
  readonly #stretch: Stretch;
  readonly #looking: Looking;

  constructor(
    parts: Omit<Parts, 'giveWay'>,
    private readonly trouble: Trouble,
    private readonly signal: AbortSignal,
  ) {
    this.#parts = { ...parts, giveWay: (path) => this.#large.giveWay(path) };
    this.#stretch = stretchOf(this.#parts, trouble);
    const copyLarge = (path: ByteName) => this.#large.start(path);
    this.#looking = new Looking({ parts: this.#parts, trouble, stretch: this.#stretch, signal, copyLarge });
  }

  get largeUnderWay(): number {
    return this.#large.size;
  }

  /** Resolves when the large copies have ended. */
  largeIdle(): Promise<void> {
    return this.#large.idle();
  }

  /** Nothing is open in DEST when it resolves; what was under way is met by the next look at everything. */
  async letGo(): Promise<void> {
    await this.#large.giveWay('' as ByteName).catch(() => undefined);
  }

  stop(): Promise<void> {
    return this.#large.stop();
  }

  /** See looking.ts. */
  tree(path: ByteName, between?: () => Promise<void>): Promise<void> {
    return this.#looking.tree(path, between);
  }

  /** What was told, in one go. Errors: SourceMissing, DestMissing; what is wrong with single paths waits to be tried again. */
  async apply(changes: readonly Pick<Change, 'key' | 'operation' | 'renameId'>[]): Promise<void> {
    const told = changes.map(({ key, ...rest }) => ({ ...rest, path: nameOfBytes(key) }));
    const from = new Map<string, ByteName>();
    for (const { path, operation, renameId } of told)
      if (renameId !== undefined && operation === 'delete') from.set(renameId, path);
    await this.#doubt(told, from);
    // The first half of a large tree's rename: what it holds follows, pair by pair, and would be copied by a look at it now.
    const halves = told.filter(({ operation, renameId }) => operation === 'put' && renameId && !from.has(renameId));
    const isHalf = new Set(halves.map(({ path }) => path));
    await this.#look(new Map(told.map(({ path, operation }) => [path, operation])), (path) => !isHalf.has(path));
  }

  /** Tries again what could not be done. */
  again(paths: readonly ByteName[]): Promise<void> {
    return this.#look(new Map(paths.map((path) => [path, undefined])), () => true);
  }

  /** Whether they are there and alike; not what lies below them. */
  async glance(paths: readonly ByteName[]): Promise<void> {
    const { trouble } = this;
    const told = new Map<ByteName, undefined>();
    await this.#stretch(async (trees) => {
      for (const path of paths) {
        await trouble.guarded(path, async () => {
          if (trouble.untold!.mayFollow(path, trees.inSource(path) !== undefined)) told.set(path, undefined);
        });
      }
    });
    await this.#look(told, () => false);
  }

  async #look(told: ReadonlyMap<ByteName, Operation | undefined>, isDeep: (path: ByteName) => boolean): Promise<void> {
    const seen = new Set<ByteName>();
    await this.#stretch(async (trees) => {
      for (const path of [...told.keys()].sort()) {
        if (this.signal.aborted) return;
        await this.trouble.guarded(path, async () => {
          const isDirectory = await this.#looking.one(trees, path, told.get(path));
          // What is in a directory that was met a moment ago has been looked at then.
          if (isDirectory && isDeep(path) && !isUnder(folderOf(path), seen)) await this.#below(trees, path, seen);
        });
      }
    });
  }

  async #below(trees: Trees, path: ByteName, seen: Set<ByteName>): Promise<void> {
    seen.add(path);
    // Its own trees are opened there: what was done here is settled first, and what is open here may be something else then.
    await trees.lanes.idle();
    await settleIn(trees, this.#parts, this.trouble);
    await this.tree(path);
    trees.dest.leave(path);
    trees.source.leave(path);
  }

  /** No copy is believed of which a change was told; and then, so that the doubt goes with it, what was renamed is renamed. */
  async #doubt(told: readonly Told[], from: ReadonlyMap<string, ByteName>): Promise<void> {
    await this.#stretch(async (trees) => {
      const puts = told.filter(({ operation }) => operation === 'put');
      for (const { path } of puts)
        await this.trouble.guarded(path, async () => this.#parts.belief.doubt(trees.inDest(path)));
      for (const { path, renameId } of puts) {
        const old = renameId === undefined ? undefined : from.get(renameId);
        if (old !== undefined) await this.trouble.guarded(path, () => move(this.#parts, trees, old, path));
      }
    });
  }

  async #copyLarge(path: ByteName, signal: AbortSignal): Promise<void> {
    const pace = {
      take: async () => {
        if (signal.aborted) throw new GaveWay();
      },
    };
    await this.trouble.guarded(path, async () => {
      await this.#stretch(async (trees) => {
        const found = trees.inSource(path);
        // It may be like it by now: it was asked for once more while it was copied.
        if (found && isLike(this.#parts, trees, path, found, trees.inDest(path))) return;
        await file(this.#parts, trees, path, pace);
      });
      this.trouble.retries.well(path);
      this.trouble.untold?.ahead(path);
    });
  }
}

/** The path itself or one of its directories is in the set. */
function isUnder(path: ByteName, set: ReadonlySet<ByteName>): boolean {
  if (set.size === 0) return false;
  for (let at = path; at !== ''; at = folderOf(at)) if (set.has(at)) return true;
  return false;
}
