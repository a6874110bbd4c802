/**
 * The inotify watches of a tree: which directory has which watch, and events as marks of paths.
 * Guarantees: a path told here is where the kernel has it as far as its events were read; when it cannot be sure (a
 * directory moved, a watch gone), it lets the watch go and asks for a scan of that directory, which takes it again.
 * Does not: look at files. A callback only marks.
 */
import * as linux from '../../linux/index.js';
import { type ByteName, joinNames } from '../../linux/names.js';
import type { OpenDirectory, Tree, TreeHooks } from './backend.js';
import type { Hint } from './types.js';
import { WatchTable } from './watch-table.js';

/** Modifications are not asked for: a slow writer would cost an event a call, and its close tells enough. */
const WATCH_FOR_FILES =
  linux.IN_CREATE |
  linux.IN_CLOSE_WRITE |
  linux.IN_MOVED_TO |
  linux.IN_ATTRIB |
  linux.IN_DELETE_SELF |
  linux.IN_MOVE_SELF |
  linux.IN_ONLYDIR |
  linux.IN_EXCL_UNLINK;
/** Files that were unlinked are told of too: they may live on under another name. */
const WATCH_FOR_EVERYTHING =
  (WATCH_FOR_FILES & ~linux.IN_EXCL_UNLINK) | linux.IN_MODIFY | linux.IN_DELETE | linux.IN_MOVED_FROM;

export class InotifyTree implements Tree {
  readonly complete = true;
  readonly #inotify: linux.Inotify;
  readonly #watches = new WatchTable();
  readonly #hooks: TreeHooks;
  /** Of the rename whose first half was told last: the second half follows at once. */
  #leaving: number | undefined;

  /** Throws LinuxError (EMFILE: no inotify instance to be had). */
  constructor(
    hooks: TreeHooks,
    private readonly everything: boolean,
  ) {
    this.#hooks = hooks;
    this.#inotify = new linux.Inotify({
      onOverflow: () => hooks.onOverflow(),
      onEvent: (event) => this.#onEvent(event),
    });
  }

  has(path: ByteName): boolean {
    return this.#watches.wdOf(path) !== undefined;
  }

  /** Watches the open directory; the same inode keeps its watch. Throws LinuxError (ENOSPC: the watch limit). */
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

  /** After a whole scan: what it did not meet is no longer in the tree (its events were lost). */
  sweep(round: number): void {
    for (const wd of this.#watches.before(round)) this.#remove(wd);
  }

  /** Lets go of a directory and all below it. */
  forget(path: ByteName): void {
    for (const wd of this.#watches.below(path)) this.#remove(wd);
  }

  close(): void {
    this.#inotify.close();
  }

  #onEvent(event: linux.InotifyEvent): void {
    const path = this.#watches.pathOf(event.watch);
    if (path === undefined) return; // of a watch that was let go
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
      // What happens below it from here on would be told under its former name.
      this.forget(path);
      this.#hooks.onDirectoryGone(path, 'moved');
    }
  }

  /** Takes in what the kernel has queued up to now. */
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
    // Something else may lie at that path by now. A removed directory that is made again is told by its parent.
    if (event.mask & (linux.IN_MOVE_SELF | linux.IN_UNMOUNT)) this.#hooks.onDirectory(path, 'write');
  }

  #remove(wd: number): void {
    if (this.#watches.delete(wd)) this.#inotify.removeWatch(wd);
  }

  #hintOf({ mask, cookie }: linux.InotifyEvent): Hint {
    if (mask & linux.IN_MOVED_FROM) this.#leaving = cookie;
    if (mask & linux.IN_MOVED_FROM) return 'moved';
    // From where nobody watches: what was written there is told by no event.
    if (mask & linux.IN_MOVED_TO) return cookie === this.#leaving ? 'rename' : 'written_renamed';
    if (mask & linux.IN_DELETE) return 'delete';
    if (mask & linux.IN_CREATE) return 'created';
    return mask & linux.IN_ATTRIB ? 'attributes' : 'write';
  }
}
