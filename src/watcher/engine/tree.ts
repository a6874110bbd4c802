/**
 * The inotify watches of a tree: which directory has which watch, and events as marks of paths.
 * Guarantees: a path told here is where the kernel has it as far as its events were read; when it cannot be sure (a
 * directory moved, a watch gone), it lets the watch go and asks for a scan of that directory, which takes it again.
 * Does not: look at files. A callback only marks.
 */
import * as linux from '../../linux/index.js';
import { type ByteName, joinNames } from '../../linux/names.js';
import type { OpenDirectory, Tree, TreeHooks } from './ground.js';
import type { Hint } from './types.js';

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

interface Watch {
  path: ByteName;
  /** The last whole scan that met it. */
  round: number;
}

export class WatchTree implements Tree {
  readonly complete = true;
  readonly #inotify: linux.Inotify;
  readonly #byWd = new Map<number, Watch>();
  readonly #byPath = new Map<ByteName, number>();
  readonly #hooks: TreeHooks;

  /** Throws LinuxError (EMFILE: no inotify instance to be had). */
  constructor(
    hooks: TreeHooks,
    private readonly everything: boolean,
  ) {
    this.#hooks = hooks;
    this.#inotify = new linux.Inotify({ onOverflow: () => hooks.onOverflow() });
  }

  has(path: ByteName): boolean {
    return this.#byPath.has(path);
  }

  /** Watches the open directory; the same inode keeps its watch. Throws LinuxError (ENOSPC: the watch limit). */
  watch(path: ByteName, { fd }: Pick<OpenDirectory, 'fd'>, round: number): void {
    const wd = this.#inotify.addWatch({
      directoryFd: fd,
      watch_for: this.everything ? WATCH_FOR_EVERYTHING : WATCH_FOR_FILES,
      callback: (event) => this.#onEvent(event),
    });
    const was = this.#byPath.get(path);
    if (was !== undefined && was !== wd) this.#remove(was);
    const known = this.#byWd.get(wd);
    if (known !== undefined && known.path !== path) this.#byPath.delete(known.path);
    this.#byWd.set(wd, { path, round });
    this.#byPath.set(path, wd);
  }

  /** After a whole scan: what it did not meet is no longer in the tree (its events were lost). */
  sweep(round: number): void {
    for (const [wd, watch] of this.#byWd) if (watch.round < round) this.#remove(wd);
  }

  /** Lets go of a directory and all below it. */
  forget(path: ByteName): void {
    const below = `${path}/`;
    for (const [wd, watch] of this.#byWd) {
      if (watch.path === path || path === '' || watch.path.startsWith(below)) this.#remove(wd);
    }
  }

  close(): void {
    this.#byWd.clear();
    this.#byPath.clear();
    this.#inotify.close();
  }

  #onEvent(event: linux.InotifyEvent): void {
    const watch = this.#byWd.get(event.watch);
    if (watch === undefined) return; // of a watch that was let go
    const { path } = watch;
    if (event.mask & (linux.IN_DELETE_SELF | linux.IN_MOVE_SELF | linux.IN_UNMOUNT | linux.IN_IGNORED))
      this.#onSelf(path, event);
    else if (event.name === undefined) return;
    else if (event.mask & linux.IN_ISDIR) this.#onDirectory(joinNames(path, event.name), event.mask);
    else {
      const by = this.everything ? hintOf(event.mask) : event.mask & linux.IN_MOVED_TO ? 'rename' : 'write';
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
    else this.#dropRow(event.watch, path);
    // Something else may lie at that path by now. A removed directory that is made again is told by its parent.
    if (event.mask & (linux.IN_MOVE_SELF | linux.IN_UNMOUNT)) this.#hooks.onDirectory(path, 'write');
  }

  #remove(wd: number): void {
    const watch = this.#byWd.get(wd);
    if (watch === undefined) return;
    this.#dropRow(wd, watch.path);
    this.#inotify.removeWatch(wd);
  }

  #dropRow(wd: number, path: ByteName): void {
    this.#byWd.delete(wd);
    if (this.#byPath.get(path) === wd) this.#byPath.delete(path);
  }
}

function hintOf(mask: number): Hint {
  if (mask & linux.IN_MOVED_TO) return 'rename';
  if (mask & linux.IN_MOVED_FROM) return 'moved';
  if (mask & linux.IN_DELETE) return 'delete';
  return mask & linux.IN_ATTRIB ? 'attributes' : 'write';
}
