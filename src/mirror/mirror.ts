/**
 * Makes paths of DEST as they are in SOURCE: what is told (`apply`), what is to be tried again, a tree.
 * Guarantees: doing it twice is doing it once. What was done in a directory is on disk, with the directory's own mode and times,
 * before it counts as done; large files, which are copied beside everything else, are the exception.
 * Does not: decide when.
 */
import type { Change, Operation } from '../change-log/index.js';
import { folderOf } from '../files/places.js';
import { type ByteName, nameOfBytes } from '../linux/index.js';
import { file, isLike } from './acts/files.js';
import { GaveWay, LargeCopies } from './acts/large-copies.js';
import { move } from './acts/move.js';
import type { Parts } from './acts/parts.js';
import { finishIn, type Session, sessionOf } from './session.js';
import { TreeSync } from './tree-sync.js';
import type { Trees } from './trees/trees.js';
import type { Trouble } from './trouble.js';

interface PathChange {
  path: ByteName;
  operation: Operation;
  renameId?: string | undefined;
}

export class Mirror {
  readonly #parts: Parts;
  readonly #large = new LargeCopies((path, signal) => this.#copyLarge(path, signal));
  readonly #session: Session;
  readonly #treeSync: TreeSync;

  constructor(
    parts: Omit<Parts, 'giveWay'>,
    private readonly trouble: Trouble,
    private readonly signal: AbortSignal,
  ) {
    this.#parts = { ...parts, giveWay: (path) => this.#large.giveWay(path) };
    this.#session = sessionOf(this.#parts, trouble);
    const copyLarge = (path: ByteName) => this.#large.start(path);
    this.#treeSync = new TreeSync({ parts: this.#parts, trouble, session: this.#session, signal, copyLarge });
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
    return this.#treeSync.tree(path, between);
  }

  /** What was told, in one go. Errors: SourceMissing, DestMissing; what is wrong with single paths waits to be tried again. */
  async apply(changes: readonly Pick<Change, 'key' | 'operation' | 'renameId'>[]): Promise<void> {
    const changed = changes.map(({ key, ...rest }) => ({ ...rest, path: nameOfBytes(key) }));
    const from = new Map<string, ByteName>();
    for (const { path, operation, renameId } of changed)
      if (renameId !== undefined && operation === 'delete') from.set(renameId, path);
    await this.#doubt(changed, from);
    // The first half of a large tree's rename: what it holds follows, pair by pair, and would be copied by a look at it now.
    const halves = changed.filter(({ operation, renameId }) => operation === 'put' && renameId && !from.has(renameId));
    const isHalf = new Set(halves.map(({ path }) => path));
    await this.#checkPaths(
      new Map(changed.map(({ path, operation }) => [path, operation])),
      (path) => !isHalf.has(path),
    );
  }

  /** Tries again what could not be done. */
  again(paths: readonly ByteName[]): Promise<void> {
    return this.#checkPaths(new Map(paths.map((path) => [path, undefined])), () => true);
  }

  /** Whether they are there and alike; not what lies below them. */
  async recheck(paths: readonly ByteName[]): Promise<void> {
    const { trouble } = this;
    const changed = new Map<ByteName, undefined>();
    await this.#session(async (trees) => {
      for (const path of paths) {
        await trouble.guarded(path, async () => {
          if (trouble.rechecks!.mayFollow(path, trees.inSource(path) !== undefined)) changed.set(path, undefined);
        });
      }
    });
    await this.#checkPaths(changed, () => false);
  }

  async #checkPaths(
    changed: ReadonlyMap<ByteName, Operation | undefined>,
    isDeep: (path: ByteName) => boolean,
  ): Promise<void> {
    const seen = new Set<ByteName>();
    await this.#session(async (trees) => {
      for (const path of [...changed.keys()].sort()) {
        if (this.signal.aborted) return;
        await this.trouble.guarded(path, async () => {
          const isDirectory = await this.#treeSync.one(trees, path, changed.get(path));
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
    await finishIn(trees, this.#parts, this.trouble);
    await this.tree(path);
    trees.dest.leave(path);
    trees.source.leave(path);
  }

  /** No copy is believed of which a change was told; and then, so that the doubt goes with it, what was renamed is renamed. */
  async #doubt(changed: readonly PathChange[], from: ReadonlyMap<string, ByteName>): Promise<void> {
    await this.#session(async (trees) => {
      const puts = changed.filter(({ operation }) => operation === 'put');
      for (const { path } of puts)
        await this.trouble.guarded(path, async () => this.#parts.knownCopies.doubt(trees.inDest(path)));
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
      await this.#session(async (trees) => {
        const found = trees.inSource(path);
        // It may be like it by now: it was asked for once more while it was copied.
        if (found && isLike(this.#parts, trees, path, found, trees.inDest(path))) return;
        await file(this.#parts, trees, path, pace);
      });
      this.trouble.retries.well(path);
      this.trouble.rechecks?.unexplained(path);
    });
  }
}

/** The path itself or one of its directories is in the set. */
function isUnder(path: ByteName, set: ReadonlySet<ByteName>): boolean {
  if (set.size === 0) return false;
  for (let at = path; at !== ''; at = folderOf(at)) if (set.has(at)) return true;
  return false;
}
