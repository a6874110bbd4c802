/**
 * Makes paths of DEST like SOURCE: one path (`one`), or a directory with everything below it (`tree`).
 * Guarantees: SOURCE itself is checked for what a path is; an event is only the reason for the check.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { Operation } from '../change-log/index.js';
import { baseOf, folderOf } from '../files/job-paths.js';
import { namesIn } from '../files/names-in.js';
import { isOfFilesystem } from '../files/of-filesystem.js';
import { type ByteName, joinNames, type Kind, type Stat, shownName, statFd } from '../linux/index.js';
import { compareDirectory, ensure } from './acts/ensure.js';
import { file, isLike, symlink } from './acts/files.js';
import { onlyPlanned, type Parts, pass } from './acts/parts.js';
import { remove } from './acts/removals.js';
import type { Session } from './session.js';
import { isNamedOtherwise, refuseFolded } from './trees/folded.js';
import { limits } from './trees/limits.js';
import type { Trees } from './trees/trees.js';
import type { Trouble } from './trouble.js';

export interface TreeSyncParts {
  parts: Parts;
  trouble: Trouble;
  session: Session;
  signal: AbortSignal;
  /** If it is absent, large files are copied like others. */
  copyLarge?: (path: ByteName) => void;
}

export class TreeSync {
  readonly #specials = new Set<ByteName>();

  constructor(private readonly given: TreeSyncParts) {}

  /**
   * Syncs a directory and everything below it. `between` is called between two directories. A full DEST does not stop it:
   * what it removes may make room. Errors: SourceMissing, DestMissing; failures of single paths wait in `retries`.
   */
  async tree(path: ByteName, between?: () => Promise<void>): Promise<void> {
    const pending = [path];
    const { signal, trouble } = this.given;
    while (pending.length > 0 && !signal.aborted) {
      const at = pending.pop()!;
      await trouble.guarded(at, async () => {
        pending.push(...(await this.#directory(at)));
      });
      await between?.();
    }
  }

  /** Returns the directories in it. */
  #directory(path: ByteName): Promise<ByteName[]> {
    const { parts, trouble, signal, session } = this.given;
    return session(async (trees) => {
      parts.source.refuseLost(trees, path);
      refuseFolded(parts, trees, path, false);
      const fd = trees.source.directory(path);
      const self = statFd(fd);
      const names = namesIn(fd);
      const isThere = ensure(parts, trees, path);
      const found: ByteName[] = [];
      let n = 0;
      for (const name of names) {
        if (++n % limits.sliceNames === 0) await turn();
        if (signal.aborted) return [];
        const child = joinNames(path, name);
        await trouble.guarded(child, async () => {
          if (await this.one(trees, child, undefined, self)) found.push(child);
        });
      }
      // Otherwise a file that goes while it is copied would be removed first, and then come back.
      await trees.lanes.idle();
      if (isThere && parts.delete) await this.#strays(trees, path);
      if (isThere) compareDirectory(parts, trees, path, self);
      trouble.retries.well(path);
      return found;
    });
  }

  /** Removes what DEST has and SOURCE does not. */
  async #strays(trees: Trees, path: ByteName): Promise<void> {
    let n = 0;
    for (const name of namesIn(trees.dest.directory(path))) {
      if (++n % limits.sliceNames === 0) await turn();
      const child = joinNames(path, name);
      if (trees.inSource(child) === undefined && !this.#isOfMount(trees, child))
        await this.given.trouble.guarded(child, () => this.#gone(trees, child));
    }
  }

  /**
   * Syncs one path. Returns whether it is a directory of the mirror; its content is not checked. `event`: the last
   * event of the path, if that is the reason for the call.
   */
  async one(trees: Trees, path: ByteName, event?: Operation, parent?: Stat): Promise<boolean> {
    const { parts } = this.given;
    if (path === '') return true;
    if (this.#isOfMount(trees, path)) return false;
    refuseFolded(parts, trees, path, parent === undefined);
    const found = trees.inSource(path);
    if (found === undefined || isSpecial(found.kind)) {
      if (found && parts.rules.coversAll(path, false)) this.#logSpecial(path, found);
      await this.#gone(trees, path, event);
      return false;
    }
    if (!parts.rules.coversAll(path, found.kind === 'directory')) return false;
    parts.source.refuseLost(trees, path);
    parts.totals.files++;
    const there = trees.inDest(path);
    if (there === undefined && this.#waits(path)) return false;
    const done = () => {
      if (found.kind === 'file') pass(parts, found);
      this.#done(path, event, 'put', there === undefined);
    };
    if (found.kind === 'directory') {
      const above = parent ?? statFd(trees.source.directory(folderOf(path)));
      if (parts.source.noteMount(path, found, above)) parts.wrote();
      ensure(parts, trees, path);
      this.#compareWithEvent(path, event, 'put', there === undefined);
      return true;
    }
    if (found.kind === 'symlink') symlink(parts, trees, path, found, there);
    else if (!isLike(parts, trees, path, found, there)) {
      await this.#copy(trees, path, found, done);
      return false;
    }
    done();
    return false;
  }

  /** True for what a filesystem that is mounted below SOURCE or DEST keeps at its root; the rules know their own roots. */
  #isOfMount(trees: Trees, path: ByteName): boolean {
    const folder = folderOf(path);
    const isRoot = () => [trees.inSource(folder), trees.inDest(folder)].some((found) => found?.isMountRoot === true);
    return isOfFilesystem(baseOf(path), () => folder !== '' && isRoot());
  }

  /** True: DEST is full or failing, and the path is tried when it is asked again. */
  #waits(path: ByteName): boolean {
    const { destHealth, retries } = this.given.trouble;
    if (destHealth.mayTry(performance.now())) return false;
    retries.failed(path, destHealth.code!, '', false);
    return true;
  }

  async #copy(trees: Trees, path: ByteName, { size }: Stat, done: () => void): Promise<void> {
    const { parts, trouble, copyLarge } = this.given;
    if (this.#waits(path)) return;
    if (size > limits.largeBytes && copyLarge) copyLarge(path);
    else {
      await trees.lanes.add(() =>
        trouble.guarded(path, async () => {
          await file(parts, trees, path);
          done();
        }),
      );
    }
  }

  async #gone(trees: Trees, path: ByteName, event?: Operation): Promise<void> {
    const { parts } = this.given;
    const dest = trees.inDest(path);
    const isOurs = dest !== undefined && parts.rules.coversAll(path, dest.kind === 'directory');
    const goes = isOurs && !isNamedOtherwise(trees, path);
    if (goes) await remove(parts, trees, path, dest);
    this.#done(path, event, 'delete', goes && parts.delete);
  }

  #done(path: ByteName, event: Operation | undefined, found: Operation, changed: boolean): void {
    this.given.trouble.retries.well(path);
    this.#compareWithEvent(path, event, found, changed);
  }

  /** DEST now has what was found. If that differs from the event, the path is checked again later. */
  #compareWithEvent(path: ByteName, event: Operation | undefined, found: Operation, changed: boolean): void {
    const { rechecks } = this.given.trouble;
    if (event === found) rechecks?.explained(path);
    else if (event !== undefined || changed) rechecks?.unexplained(path);
  }

  #logSpecial(path: ByteName, { kind }: Stat): void {
    const { parts } = this.given;
    if (this.#specials.has(path) || this.#specials.size >= limits.retriesMax) return;
    this.#specials.add(path);
    onlyPlanned(parts, 'leave', path, `a ${kind} is not mirrored`);
    parts.emit('replica_special', { path: shownName(path), kind });
  }
}

/** FIFOs, sockets and devices: logged once, and never mirrored. */
const isSpecial = (kind: Kind): boolean => kind !== 'file' && kind !== 'directory' && kind !== 'symlink';
