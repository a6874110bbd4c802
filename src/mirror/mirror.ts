/**
 * Makes paths of DEST as they are in SOURCE: changes from events (`apply`), paths to try again, whole trees.
 * Guarantees: doing it twice has the same result as once. Work in a directory is on disk, with the directory's own mode
 * and times, before it counts as done. Large files, which are copied beside everything else, are the exception.
 * Does not: decide when.
 */
import type { Change, Operation } from '../change-log/index.js';
import { folderOf } from '../files/job-paths.js';
import { type ByteName, nameOfBytes } from '../linux/index.js';
import { file, isLike } from './acts/files.js';
import { GaveWay, LargeCopies } from './acts/large-copies.js';
import { move } from './acts/move.js';
import { type Parts, pass } from './acts/parts.js';
import { finishIn, type Session, sessionOf } from './session.js';
import { TreeSync } from './tree-sync.js';
import type { Trees } from './trees/trees.js';
import type { Trouble } from './trouble.js';

export class Mirror {
  readonly #parts: Parts;
  /** Errors of its calls: SourceMissing, DestMissing, and bugs. */
  readonly large = new LargeCopies((path, signal) => this.#copyLarge(path, signal));
  readonly #session: Session;
  readonly #treeSync: TreeSync;

  constructor(
    parts: Omit<Parts, 'giveWay'>,
    private readonly trouble: Trouble,
    private readonly signal: AbortSignal,
  ) {
    this.#parts = { ...parts, giveWay: (path) => this.large.giveWay(path) };
    this.#session = sessionOf(this.#parts, trouble);
    const copyLarge = (path: ByteName) => this.large.start(path);
    this.#treeSync = new TreeSync({ parts: this.#parts, trouble, session: this.#session, signal, copyLarge });
  }

  /** When it resolves, nothing is open in DEST. The next full scan finds what was under way. */
  async letGo(): Promise<void> {
    await this.large.giveWay('' as ByteName).catch(() => undefined);
  }

  /** See tree-sync.ts. */
  tree(path: ByteName, between?: () => Promise<void>): Promise<void> {
    return this.#treeSync.tree(path, between);
  }

  /** Applies a batch of changes. Errors: SourceMissing, DestMissing; failures of single paths are tried again later. */
  async apply(changes: readonly Pick<Change, 'key' | 'operation' | 'renameId'>[]): Promise<void> {
    const changed = changes.map(({ key, ...rest }) => ({ ...rest, path: nameOfBytes(key) }));
    const from = new Map<string, ByteName>();
    for (const { path, operation, renameId } of changed)
      if (renameId !== undefined && operation === 'delete') from.set(renameId, path);
    await this.#doubt(changed, from);
    // The first half of the rename of a large tree. Its content follows, one rename at a time; checking it now would
    // copy it.
    const halves = changed.filter(({ operation, renameId }) => operation === 'put' && renameId && !from.has(renameId));
    const isHalf = new Set(halves.map(({ path }) => path));
    await this.#checkPaths(
      new Map(changed.map(({ path, operation }) => [path, operation])),
      (path) => !isHalf.has(path),
    );
  }

  /** Tries paths again that failed before. */
  again(paths: readonly ByteName[]): Promise<void> {
    return this.#checkPaths(new Map(paths.map((path) => [path, undefined])), () => true);
  }

  /** Checks whether the paths exist and are alike, but not what is below them. */
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
          // The content of a directory that was synced a moment ago was checked then.
          if (isDirectory && isDeep(path) && !isUnder(folderOf(path), seen)) await this.#below(trees, path, seen);
        });
      }
    });
  }

  async #below(trees: Trees, path: ByteName, seen: Set<ByteName>): Promise<void> {
    seen.add(path);
    // `tree` opens its own session. So the work of this one is finished first; and what is open here may have moved
    // afterwards.
    await trees.lanes.idle();
    await finishIn(trees, this.#parts, this.trouble);
    await this.tree(path);
    trees.dest.leave(path);
    trees.source.leave(path);
  }

  /**
   * A copy with a reported change is no longer trusted. Renames come after that, so that the doubt moves along with the
   * copy.
   */
  async #doubt(
    changed: readonly (Pick<Change, 'operation' | 'renameId'> & { path: ByteName })[],
    from: ReadonlyMap<string, ByteName>,
  ): Promise<void> {
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
    const throttle = {
      take: async () => {
        if (signal.aborted) throw new GaveWay();
      },
    };
    await this.trouble.guarded(path, async () => {
      await this.#session(async (trees) => {
        const found = trees.inSource(path);
        // It may be alike by now: it was requested again while it was being copied.
        const isAlike = found && isLike(this.#parts, trees, path, found, trees.inDest(path));
        if (!isAlike) await file(this.#parts, trees, path, throttle);
        if (found) pass(this.#parts, found);
      });
      this.trouble.retries.well(path);
      this.trouble.rechecks?.unexplained(path);
    });
  }
}

/** True if the path itself or one of its parent directories is in the set. */
function isUnder(path: ByteName, set: ReadonlySet<ByteName>): boolean {
  if (set.size === 0) return false;
  for (let at = path; at !== ''; at = folderOf(at)) if (set.has(at)) return true;
  return false;
}
