/**
 * Makes paths of DEST as they are in SOURCE: what is told (`apply`), what is to be tried again, a tree.
 * Guarantees: doing it twice is doing it once. What was done in a directory is on disk, with the directory's own mode and times,
 * before it counts as done; large files, which are copied beside everything else, are the exception.
 * Does not: decide when.
 */
import type { Change } from '../change-log/index.js';
import { folderOf } from '../files/places.js';
import { type ByteName, bytesOfName, nameOfBytes } from '../linux/index.js';
import { file, isLike } from './acts.js';
import { GaveWay, LargeCopies } from './large-copies.js';
import { Looking } from './looking.js';
import { move } from './move.js';
import type { Parts } from './parts.js';
import { type Stretch, settleIn, stretchOf } from './stretch.js';
import type { Trees } from './trees.js';
import type { Trouble } from './trouble.js';

interface Told {
  path: ByteName;
  operation: string;
  renameId?: string | undefined;
}

export class Mirror {
  readonly #parts: Parts;
  readonly #large = new LargeCopies((path, signal) => this.#copyLarge(path, signal));
  /** Of these it was told that they have changed. */
  readonly #toldLarge = new Set<ByteName>();
  readonly #stretch: Stretch;
  readonly #looking: Looking;

  constructor(
    parts: Omit<Parts, 'giveWay'>,
    private readonly trouble: Trouble,
    private readonly signal: AbortSignal,
  ) {
    this.#parts = { ...parts, giveWay: (path) => this.#large.giveWay(path) };
    this.#stretch = stretchOf(this.#parts, trouble);
    const copyLarge = (path: ByteName, told: boolean) => {
      if (told) this.#toldLarge.add(path);
      this.#large.start(path);
    };
    this.#looking = new Looking({ parts: this.#parts, trouble, stretch: this.#stretch, signal, copyLarge });
  }

  get largeUnderWay(): number {
    return this.#large.size;
  }

  /** Resolves when the large copies have ended. */
  largeIdle(): Promise<void> {
    return this.#large.idle();
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
    const moved = await this.#moves(told);
    const seen = new Set<ByteName>();
    const paths = [...new Set(told.map(({ path }) => path))].sort();
    await this.#stretch(async (trees) => {
      for (const path of paths) {
        if (this.signal.aborted) return;
        await this.trouble.guarded(path, async () => {
          const isDirectory = await this.#looking.one(trees, path, isUnder(path, moved) ? 'looked' : 'told');
          // What is in a directory that was met a moment ago has been looked at then.
          if (isDirectory && !isUnder(folderOf(path), seen)) await this.#below(trees, path, seen);
        });
      }
    });
  }

  /** Tries again what could not be done. */
  again(paths: readonly ByteName[]): Promise<void> {
    return this.apply(paths.map((path) => ({ key: bytesOfName(path), operation: 'put' })));
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

  /** Answers the new names of what was renamed in DEST. */
  async #moves(told: readonly Told[]): Promise<Set<ByteName>> {
    const moved = new Set<ByteName>();
    const from = new Map<string, ByteName>();
    for (const { path, operation, renameId } of told)
      if (renameId !== undefined && operation === 'delete') from.set(renameId, path);
    if (from.size === 0) return moved;
    await this.#stretch(async (trees) => {
      for (const { path, operation, renameId } of told) {
        const old = renameId === undefined || operation !== 'put' ? undefined : from.get(renameId);
        if (old === undefined) continue;
        // What was written below the old name, and not read yet, is in doubt: it is copied.
        const doubted = told.some((other) => other.path.startsWith(`${old}/`) && other.operation === 'put');
        await this.trouble.guarded(path, async () => {
          if (!doubted && (await move(this.#parts, trees, old, path))) moved.add(path);
        });
      }
    });
    return moved;
  }

  async #copyLarge(path: ByteName, signal: AbortSignal): Promise<void> {
    const pace = {
      take: async () => {
        if (signal.aborted) throw new GaveWay();
      },
    };
    const told = this.#toldLarge.delete(path);
    await this.trouble.guarded(path, async () => {
      await this.#stretch(async (trees) => {
        const found = trees.inSource(path);
        // It may be like it by now: it was asked for once more while it was copied.
        if (found && isLike(this.#parts, trees, path, found, told)) return;
        await file(this.#parts, trees, path, told, pace);
      });
      this.trouble.retries.well(path);
    });
  }
}

/** The path itself or one of its directories is in the set. */
function isUnder(path: ByteName, set: ReadonlySet<ByteName>): boolean {
  if (set.size === 0) return false;
  for (let at = path; at !== ''; at = folderOf(at)) if (set.has(at)) return true;
  return false;
}
