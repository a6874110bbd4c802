/**
 * The inotify watches of a tree: maps each watch to its directory, and turns events into paths.
 * Guarantees: a path reported here is correct as far as the kernel's events were read. If it is not sure (a directory
 * was moved, a watch is gone), it removes the watch and asks for a scan of that directory, which sets the watch again.
 * Does not: look at files. A callback only queues paths.
 */
import * as linux from '../../linux/index.js';
import { type ByteName, joinNames } from '../../linux/names.js';
import type { OpenDirectory, Tree, TreeHooks } from './backend.js';
import type { Hint } from './types.js';

/** IN_MODIFY is not watched: a slow writer would cause an event for each write, and the close at the end is enough. */
const WATCH_FOR_FILES =
  linux.IN_CREATE |
  linux.IN_CLOSE_WRITE |
  linux.IN_MOVED_TO |
  linux.IN_ATTRIB |
  linux.IN_DELETE_SELF |
  linux.IN_MOVE_SELF |
  linux.IN_ONLYDIR |
  linux.IN_EXCL_UNLINK;
/** Unlinked files are included, because they may live on under another name. */
const WATCH_FOR_EVERYTHING =
  (WATCH_FOR_FILES & ~linux.IN_EXCL_UNLINK) | linux.IN_MODIFY | linux.IN_DELETE | linux.IN_MOVED_FROM;

export class InotifyTree implements Tree {
  readonly complete = true;
  readonly #inotify: linux.Inotify;
  readonly #watches = new WatchTable();
  readonly #hooks: TreeHooks;
  /** The cookie of the rename whose first half was read last; the second half follows at once. */
  #leaving: number | undefined;

  /** Throws LinuxError (EMFILE: no inotify instance is available). */
  constructor(
    hooks: TreeHooks,
    private readonly everything: boolean,
  ) {
    this.#hooks = hooks;
    this.#inotify = new linux.Inotify((event) => this.#onEvent(event));
  }

  has(path: ByteName): boolean {
    return this.#watches.wdOf(path) !== undefined;
  }

  /** Watches the open directory; the same inode keeps its watch. Throws LinuxError (ENOSPC: the limit of watches). */
  watch(path: ByteName, { fd }: Pick<OpenDirectory, 'fd'>, round: number): void {
    const wd = this.#inotify.addWatch({
      directoryFd: fd,
      watch_for: this.everything ? WATCH_FOR_EVERYTHING : WATCH_FOR_FILES,
    });
    const known = this.#watches.pathOf(wd);
    if (known === path) {
      this.#watches.met(wd, round);
      return;
    }
    const was = this.#watches.wdOf(path);
    if (was !== undefined) this.#remove(was);
    if (known !== undefined) this.#watches.delete(wd);
    this.#watches.add(wd, path, round);
  }

  /**
   * To be called after a whole scan: directories that it did not find are no longer in the tree (their events were
   * lost).
   */
  sweep(round: number): void {
    for (const wd of this.#watches.before(round)) this.#remove(wd);
  }

  /** Removes the watches of a directory and everything below it. */
  forget(path: ByteName): void {
    for (const wd of this.#watches.below(path)) this.#remove(wd);
  }

  close(): void {
    this.#inotify.close();
  }

  #onEvent(event: linux.InotifyEvent): void {
    if (event.mask & linux.IN_Q_OVERFLOW) {
      this.#hooks.onOverflow();
      return;
    }
    const path = this.#watches.pathOf(event.watch);
    if (path === undefined) return; // the watch was already removed
    if (event.mask & (linux.IN_DELETE_SELF | linux.IN_MOVE_SELF | linux.IN_UNMOUNT | linux.IN_IGNORED))
      this.#onSelf(path, event);
    else if (event.name === undefined) return;
    else if (event.mask & linux.IN_ISDIR) this.#onDirectory(joinNames(path, event.name), event.mask);
    else {
      const by = this.everything ? this.#hintOf(event) : event.mask & linux.IN_MOVED_TO ? 'rename' : 'write';
      this.#hooks.onFile(joinNames(path, event.name), by, (event.mask & linux.IN_CREATE) !== 0);
    }
  }

  #onDirectory(path: ByteName, mask: number): void {
    if (mask & linux.IN_MOVED_TO) this.#hooks.onDirectory(path, 'rename');
    else if (mask & linux.IN_CREATE) this.#hooks.onDirectory(path, 'write');
    else if (mask & linux.IN_DELETE) this.#hooks.onDirectoryGone(path, 'delete');
    else if (mask & linux.IN_MOVED_FROM) {
      // Later events below it would be reported under its old name.
      this.forget(path);
      this.#hooks.onDirectoryGone(path, 'moved');
    }
  }

  /** Processes all events that the kernel has queued now. */
  drain(): void {
    this.#inotify.drain();
  }

  #onSelf(path: ByteName, event: linux.InotifyEvent): void {
    if (path === '') {
      this.#hooks.onRootGone();
      return;
    }
    if (event.mask & linux.IN_MOVE_SELF) this.forget(path);
    else this.#watches.delete(event.watch);
    // Something else may be at that path by now. A removed directory that is created again is reported by its parent.
    if (event.mask & (linux.IN_MOVE_SELF | linux.IN_UNMOUNT)) this.#hooks.onDirectory(path, 'write');
  }

  #remove(wd: number): void {
    if (this.#watches.delete(wd)) this.#inotify.removeWatch(wd);
  }

  #hintOf({ mask, cookie }: linux.InotifyEvent): Hint {
    if (mask & linux.IN_MOVED_FROM) this.#leaving = cookie;
    if (mask & linux.IN_MOVED_FROM) return 'moved';
    // It came from an unwatched directory, where a write causes no event.
    if (mask & linux.IN_MOVED_TO) return cookie === this.#leaving ? 'rename' : 'written_renamed';
    if (mask & linux.IN_DELETE) return 'delete';
    if (mask & linux.IN_CREATE) return 'created';
    return mask & linux.IN_ATTRIB ? 'attributes' : 'write';
  }
}

interface Watch {
  path: ByteName;
  /** The last whole scan that found it. */
  round: number;
}

/** The watches of a tree, found by descriptor and by path. */
export class WatchTable {
  readonly #watches = new Map<number, Watch>();
  readonly #wds = new Map<ByteName, number>();

  pathOf(wd: number): ByteName | undefined {
    return this.#watches.get(wd)?.path;
  }

  /** The descriptor of a path's watch. */
  wdOf(path: ByteName): number | undefined {
    return this.#wds.get(path);
  }

  /** Neither the descriptor nor the path may be in the table. `round`: the last whole scan that found it. */
  add(wd: number, path: ByteName, round: number): void {
    this.#watches.set(wd, { path, round });
    this.#wds.set(path, wd);
  }

  met(wd: number, round: number): void {
    this.#watches.get(wd)!.round = round;
  }

  /** False: there is no such watch. */
  delete(wd: number): boolean {
    const watch = this.#watches.get(wd);
    if (watch === undefined) return false;
    this.#watches.delete(wd);
    return this.#wds.delete(watch.path);
  }

  /** The descriptors of watches that no scan has found since `round`. */
  before(round: number): number[] {
    return this.#wdsOf((watch) => watch.round < round);
  }

  /** The descriptors of a directory's watch and of all watches below it. */
  below(path: ByteName): number[] {
    if (path === '') return [...this.#watches.keys()];
    return this.#wdsOf((watch) => watch.path === path || watch.path.startsWith(`${path}/`));
  }

  #wdsOf(isWanted: (watch: Watch) => boolean): number[] {
    const found: number[] = [];
    for (const [wd, watch] of this.#watches) if (isWanted(watch)) found.push(wd);
    return found;
  }
}
