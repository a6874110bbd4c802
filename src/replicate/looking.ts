/**
 * Looks at paths of SOURCE, and has DEST made like them: one (`one`), a directory with all below it (`tree`).
 * Guarantees: SOURCE itself is asked what a path is; whoever told of it is only the reason to look.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { namesIn } from '../files/names-in.js';
import { folderOf } from '../files/places.js';
import { type ByteName, joinNames, type Stat, shownName, statFd } from '../linux/index.js';
import { file, isLike, symlink } from './acts.js';
import { compareDirectory, ensure } from './ensure.js';
import { limits } from './limits.js';
import type { Parts } from './parts.js';
import { remove } from './removals.js';
import type { Stretch } from './stretch.js';
import type { Trees } from './trees.js';
import type { Trouble } from './trouble.js';
import { isSpecial } from './types.js';

/** `looked`: a look at everything has met it. `told`: it has changed, also where size and mtime do not say so. */
export type Why = 'looked' | 'told';

export interface LookParts {
  parts: Parts;
  trouble: Trouble;
  stretch: Stretch;
  signal: AbortSignal;
  copyLarge: (path: ByteName, told: boolean) => void;
}

export class Looking {
  readonly #specials = new Set<ByteName>();

  constructor(private readonly given: LookParts) {}

  /**
   * A directory and all below it. `between`: called between two directories. Errors: SourceMissing, DestMissing; what is wrong
   * with single paths waits in `retries`.
   */
  async tree(path: ByteName, between?: () => Promise<void>): Promise<void> {
    const pending = [path];
    const { signal, trouble } = this.given;
    while (pending.length > 0 && !signal.aborted) {
      await trouble.place.wait(signal, between);
      const at = pending.pop()!;
      await trouble.guarded(at, async () => {
        pending.push(...(await this.#directory(at)));
      });
      await between?.();
    }
  }

  /** Answers the directories in it. */
  #directory(path: ByteName): Promise<ByteName[]> {
    const { parts, trouble, signal, stretch } = this.given;
    return stretch(async (trees) => {
      parts.source.refuseLost(trees, path);
      const fd = trees.source.directory(path);
      const self = statFd(fd);
      const names = namesIn(fd);
      ensure(parts, trees, path);
      const found: ByteName[] = [];
      let n = 0;
      for (const name of names) {
        if (++n % limits.sliceNames === 0) await turn();
        if (signal.aborted) return [];
        const child = joinNames(path, name);
        await trouble.guarded(child, async () => {
          if (await this.one(trees, child, 'looked', self)) found.push(child);
        });
      }
      // A file that goes while it is copied would be removed first, and come after.
      await trees.lanes.idle();
      if (parts.delete) await this.#strays(trees, path);
      compareDirectory(parts, trees, path, self);
      trouble.retries.well(path);
      return found;
    });
  }

  /** What DEST has and SOURCE does not. */
  async #strays(trees: Trees, path: ByteName): Promise<void> {
    let n = 0;
    for (const name of namesIn(trees.dest.directory(path))) {
      if (++n % limits.sliceNames === 0) await turn();
      const child = joinNames(path, name);
      if (trees.inSource(child) === undefined) await this.given.trouble.guarded(child, () => this.#gone(trees, child));
    }
  }

  /** Answers whether it is a directory of the mirror: what is in it is not looked at. */
  async one(trees: Trees, path: ByteName, why: Why, parent?: Stat): Promise<boolean> {
    const { parts, trouble } = this.given;
    if (path === '') return true;
    const found = trees.inSource(path);
    if (found === undefined || isSpecial(found.kind)) {
      if (found) this.#tellSpecial(path, found);
      await this.#gone(trees, path);
      trouble.retries.well(path);
      return false;
    }
    if (!parts.rules.coversAll(path, found.kind === 'directory')) return false;
    parts.source.refuseLost(trees, path);
    parts.totals.files++;
    if (found.kind === 'directory') {
      parts.source.noteMount(path, found, parent ?? statFd(trees.source.directory(folderOf(path))));
      ensure(parts, trees, path);
      return true;
    }
    if (found.kind === 'symlink') symlink(parts, trees, path, found);
    else if (!isLike(parts, trees, path, found, why === 'told')) {
      await this.#copy(trees, path, found, why);
      return false;
    }
    trouble.retries.well(path);
    return false;
  }

  async #copy(trees: Trees, path: ByteName, { size }: Stat, why: Why): Promise<void> {
    const { parts, trouble, copyLarge } = this.given;
    const { place, retries } = trouble;
    if (!place.mayTry(performance.now())) retries.failed(path, place.code!, '', false);
    else if (size > limits.largeBytes) copyLarge(path, why === 'told');
    else {
      await trees.lanes.add(() =>
        trouble.guarded(path, async () => {
          await file(parts, trees, path, why === 'told');
          retries.well(path);
        }),
      );
    }
  }

  async #gone(trees: Trees, path: ByteName): Promise<void> {
    const { parts } = this.given;
    const dest = trees.inDest(path);
    if (dest === undefined || !parts.rules.coversAll(path, dest.kind === 'directory')) return;
    await remove(parts, trees, path, dest);
  }

  #tellSpecial(path: ByteName, { kind }: Stat): void {
    if (this.#specials.has(path) || this.#specials.size >= limits.retriesMax) return;
    this.#specials.add(path);
    this.given.parts.emit('replica_special', { path: shownName(path), kind });
  }
}
