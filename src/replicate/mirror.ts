/**
 * Makes paths of DEST as they are in SOURCE: one (`one`), a directory with all below it (`tree`), what the log tells (`apply`).
 * Guarantees: it asks SOURCE itself what a path is; whoever told of it is only the reason to look. Doing it twice is doing it
 * once. What was done in a directory is on disk, with the directory's own mode and times, before its work counts as done.
 * Does not: decide when.
 */
import { closeSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import type { Change } from '../change-log/index.js';
import { namesIn } from '../files/names-in.js';
import { folderOf } from '../files/places.js';
import { type ByteName, joinNames, nameOfBytes, type Stat, shownName, statFd } from '../linux/index.js';
import { Acts, type ActsParts } from './acts.js';
import { codeOf, DestMissing, isGone, SourceMissing, speaksOfDest } from './failures.js';
import { GaveWay, LargeCopies } from './large-copies.js';
import { limits } from './limits.js';
import type { Place } from './place.js';
import { removeTree } from './remove-tree.js';
import type { Retries } from './retries.js';
import { Trees } from './trees.js';
import { isSpecial } from './types.js';

export interface MirrorParts extends ActsParts {
  retries: Retries;
  place: Place;
  signal: AbortSignal;
}

/** `looked`: a look at everything has met it. `told`: it has changed, also where size and mtime do not say so. */
type Why = 'looked' | 'told';

export class Mirror {
  readonly #acts: Acts;
  readonly #large: LargeCopies;
  readonly #specials = new Set<ByteName>();

  constructor(private readonly parts: MirrorParts) {
    this.#acts = new Acts(parts, (path) => this.#large.giveWay(path));
    this.#large = new LargeCopies((path, signal) => this.#copyLarge(path, signal));
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

  /**
   * A directory and all below it. `between`: called between two directories. Errors: SourceMissing, DestMissing; what is wrong
   * with single paths waits in `retries`.
   */
  async tree(path: ByteName, between?: () => Promise<void>): Promise<void> {
    const pending = [path];
    while (pending.length > 0 && !this.parts.signal.aborted) {
      await this.parts.place.wait(this.parts.signal, between);
      const at = pending.pop()!;
      await this.#guarded(at, async () => {
        pending.push(...(await this.#directory(at)));
      });
      await between?.();
    }
  }

  /** What was told, in one go. Errors: as `tree`. */
  async apply(changes: readonly Pick<Change, 'key' | 'operation' | 'renameId'>[]): Promise<void> {
    const known = changes.map(({ key, ...rest }) => ({ ...rest, path: nameOfBytes(key) }));
    const moved = await this.#moves(known);
    const seen = new Set<ByteName>();
    const paths = [...new Set(known.map(({ path }) => path))].sort();
    await this.#within(async (trees) => {
      for (const path of paths) {
        if (this.parts.signal.aborted) return;
        await this.#guarded(path, async () => {
          const isDirectory = await this.#one(trees, path, isUnder(path, moved) ? 'looked' : 'told');
          // What is in a directory that was met a moment ago has been looked at then.
          if (isDirectory && !isUnder(folderOf(path), seen)) await this.#below(trees, path, seen);
        });
      }
    });
  }

  /** Tries again what could not be done. */
  again(paths: readonly ByteName[]): Promise<void> {
    return this.apply(paths.map((path) => ({ key: Buffer.from(path, 'latin1'), operation: 'put' })));
  }

  async #below(trees: Trees, path: ByteName, seen: Set<ByteName>): Promise<void> {
    seen.add(path);
    // Its own trees are opened there: what was done here is settled first, and what is open here may be something else then.
    await trees.lanes.idle();
    await this.#settle(trees);
    await this.tree(path);
    trees.dest.leave(path);
    trees.source.leave(path);
  }

  /** Opens both, and gives what was touched its attributes in the end. */
  async #within<T>(work: (trees: Trees) => Promise<T>): Promise<T> {
    const sourceFd = this.parts.source.open();
    let destFd: number;
    try {
      destFd = this.parts.dest.open();
    } catch (error) {
      closeSync(sourceFd);
      throw error;
    }
    const trees = new Trees(sourceFd, destFd);
    try {
      const done = await work(trees);
      await trees.lanes.idle();
      await this.#settle(trees);
      for (const name of trees.aside) await removeTree(trees.making, name);
      return done;
    } finally {
      await trees.lanes.idle().catch(() => {});
      trees.close();
    }
  }

  /** Answers the directories in it. */
  #directory(path: ByteName): Promise<ByteName[]> {
    return this.#within(async (trees) => {
      this.parts.source.refuseLost(trees, path);
      const fd = trees.source.directory(path);
      if (path !== '' && !this.parts.rules.coversAll(path, true)) return [];
      this.#acts.ensure(trees, path);
      const found: ByteName[] = [];
      const self = statFd(fd);
      let n = 0;
      for (const name of namesIn(fd)) {
        if (++n % limits.sliceNames === 0) await turn();
        if (this.parts.signal.aborted) return [];
        const child = joinNames(path, name);
        await this.#guarded(child, async () => {
          if (await this.#one(trees, child, 'looked', self)) found.push(child);
        });
      }
      // A file that goes while it is copied would be removed first, and come after.
      await trees.lanes.idle();
      await this.#strays(trees, path);
      this.#acts.compareDirectory(trees, path, self);
      return found;
    });
  }

  /** What DEST has and SOURCE does not. */
  async #strays(trees: Trees, path: ByteName): Promise<void> {
    if (!this.parts.delete) return;
    let n = 0;
    for (const name of namesIn(trees.dest.directory(path))) {
      if (++n % limits.sliceNames === 0) await turn();
      const child = joinNames(path, name);
      if (trees.inSource(child) === undefined) await this.#guarded(child, () => this.#gone(trees, child));
    }
  }

  /** Answers whether it is a directory of the mirror. */
  async #one(trees: Trees, path: ByteName, why: Why, parent?: Stat): Promise<boolean> {
    const { rules, source, totals, retries } = this.parts;
    if (path === '') return true;
    const found = trees.inSource(path);
    if (found === undefined || isSpecial(found.kind)) {
      if (found) this.#tellSpecial(path, found);
      await this.#gone(trees, path);
      retries.well(path);
      return false;
    }
    if (!rules.coversAll(path, found.kind === 'directory')) return false;
    source.refuseLost(trees, path);
    totals.files++;
    if (found.kind === 'directory') {
      source.noteMount(path, found, parent ?? statFd(trees.source.directory(folderOf(path))));
      this.#acts.ensure(trees, path);
      retries.well(path);
      return true;
    }
    if (found.kind === 'symlink') this.#acts.symlink(trees, path, found);
    else if (!this.#acts.isLike(trees, path, found, why === 'told')) {
      await this.#copy(trees, path, found, why);
      return false;
    }
    retries.well(path);
    return false;
  }

  async #copy(trees: Trees, path: ByteName, { size }: Stat, why: Why): Promise<void> {
    const { place, retries } = this.parts;
    if (!place.mayTry(performance.now())) retries.failed(path, place.code!, '', false);
    else if (size > limits.largeBytes) this.#large.start(path);
    else {
      await trees.lanes.add(() =>
        this.#guarded(path, async () => {
          await this.#acts.file(trees, path, why === 'told');
          retries.well(path);
        }),
      );
    }
  }

  async #gone(trees: Trees, path: ByteName): Promise<void> {
    const dest = trees.inDest(path);
    if (dest === undefined || !this.parts.rules.coversAll(path, dest.kind === 'directory')) return;
    await this.#acts.remove(trees, path, dest);
  }

  async #moves(
    changes: { path: ByteName; operation: string; renameId?: string | undefined }[],
  ): Promise<Set<ByteName>> {
    const moved = new Set<ByteName>();
    const from = new Map<string, ByteName>();
    for (const { path, operation, renameId } of changes)
      if (renameId !== undefined && operation === 'delete') from.set(renameId, path);
    if (from.size === 0) return moved;
    await this.#within(async (trees) => {
      for (const { path, operation, renameId } of changes) {
        const old = renameId === undefined || operation !== 'put' ? undefined : from.get(renameId);
        if (old === undefined) continue;
        // What was written below the old name, and not read yet, is in doubt: it is copied.
        const doubted = changes.some((other) => other.path.startsWith(`${old}/`) && other.operation === 'put');
        await this.#guarded(path, async () => {
          if (!doubted && (await this.#acts.move(trees, old, path))) moved.add(path);
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
    await this.#guarded(path, async () => {
      await this.#within((trees) => this.#acts.file(trees, path, true, pace));
      this.parts.retries.well(path);
    });
  }

  async #settle(trees: Trees): Promise<void> {
    for (const { path, error } of await this.#acts.settle(trees)) this.#failed(path, error);
  }

  /** What is wrong with this path alone is noted; it waits to be tried again. */
  async #guarded(path: ByteName, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failed(path, error);
    }
  }

  #failed(path: ByteName, error: unknown): void {
    if (error instanceof SourceMissing || error instanceof DestMissing) throw error;
    if (error instanceof GaveWay) return;
    const { retries, place } = this.parts;
    const code = codeOf(error);
    const reason = (error as Error).message;
    if (isGone(error)) retries.failed(path, 'changing', reason, false);
    else if (code === undefined) throw error;
    else {
      const ofDest = speaksOfDest(error);
      if (ofDest) place.failed(code, reason);
      retries.failed(path, code, reason, !ofDest);
    }
  }

  #tellSpecial(path: ByteName, { kind }: Stat): void {
    if (this.#specials.has(path) || this.#specials.size >= limits.retriesMax) return;
    this.#specials.add(path);
    this.parts.emit('replica_special', { path: shownName(path), kind });
  }
}

/** The path itself or one of its directories is in the set. */
function isUnder(path: ByteName, set: ReadonlySet<ByteName>): boolean {
  if (set.size === 0) return false;
  for (let at = path; at !== ''; at = folderOf(at)) if (set.has(at)) return true;
  return false;
}
