/**
 * Tracks whether the root is there. Emits when it goes, once for each reason, and once when it is back.
 * Does not: react to that; the engine does.
 */
import type { ByteName } from '../../linux/names.js';
import type { Backend, DirectoryFacts, OpenDirectory } from '../backend/backend.js';
import type { EngineEvent, OpenRoot } from '../backend/types.js';
import { codeOf } from '../backend/watches.js';

export class Presence {
  /** Increased whenever the root was missing, moved or replaced, also if it was back at once. */
  absences = 0;
  readonly #root: Root;
  #gone = false;
  #failed: string | undefined;
  /** Why the root is missing; undefined while it is there. */
  #missing: string | undefined;
  /** True between `enter` and `leave`. */
  #inRound = false;

  constructor(
    path: ByteName,
    backend: Backend,
    private readonly emit: (event: EngineEvent) => void,
    /** Asks for an `enter`. */
    private readonly ring: () => void,
  ) {
    this.#root = new Root(path, backend);
  }

  /** Only valid between `enter` and `leave`. */
  get root(): OpenDirectory {
    return this.#root.directory;
  }

  /** The root, until `giveBack`. Undefined: it is missing, or was replaced and will be scanned. */
  borrow(): OpenRoot | undefined {
    if (!this.doubtful && this.#missing === undefined && this.#root.enterSame()) return this.#root.directory;
    this.#gone = this.#missing === undefined;
    this.ring();
    return undefined;
  }

  /** True if this is the root that is open now. Another one may have been entered since it was borrowed. */
  isOpen(root: OpenRoot): boolean {
    return this.#root.directory === root;
  }

  /** Safe to call twice. */
  giveBack(): void {
    if (!this.#inRound) this.#root.leave();
  }

  /**
   * An event said that the root was removed, moved or unmounted. Its descriptor may be in use until the next `enter`.
   */
  noteGone(): void {
    this.#gone = true;
  }

  /** The root could not be read: it counts as missing until a later `enter`. */
  noteFailed(code: string): void {
    this.#failed = code;
  }

  /** The last read of the root may not have returned everything that is in it. */
  get doubtful(): boolean {
    return this.#gone || this.#failed !== undefined;
  }

  /**
   * Opens the root. After `first` and `again`, nothing known about the old root is valid. `prepare` runs then, and may
   * fail too.
   */
  enter(prepare: (root: OpenDirectory) => void): 'same' | 'first' | 'again' | 'missing' {
    if (this.doubtful) this.#root.forget();
    this.#gone = false;
    this.#inRound = true;
    try {
      const failed = this.#failed;
      this.#failed = undefined;
      if (failed !== undefined) throw new RootMissing(failed);
      const state = this.#root.enter();
      if (state === 'same' && this.#missing === undefined) return 'same';
      this.absences += 1;
      prepare(this.#root.directory);
      if (this.#missing !== undefined) this.emit({ event: 'root_back' });
      else if (state === 'replaced') this.emit({ event: 'root_replaced' });
      this.#missing = undefined;
      return state === 'first' ? 'first' : 'again';
    } catch (error) {
      const code = codeOf(error);
      this.#root.leave();
      this.absences += 1;
      if (this.#missing !== code) this.emit({ event: 'root_missing', code });
      this.#missing = code;
      return 'missing';
    }
  }

  /** Until the next `enter`, the root can be unmounted. Safe to call twice. */
  leave(): void {
    this.#inRound = false;
    this.#root.leave();
  }
}

class RootMissing extends Error {
  constructor(readonly code: string) {
    super(`the root is missing: ${code}`);
  }
}

/**
 * The root directory, which may go, come back, or be replaced. It is opened for a period of work and then closed, so an
 * idle watcher does not prevent an unmount.
 * Guarantees: all work of one period is done in one directory. A root that was a mount point and is none now is
 * missing, not empty.
 */
class Root {
  #open: OpenDirectory | undefined;
  #id = '';
  #wasMount = false;

  constructor(
    private readonly path: ByteName,
    private readonly backend: Backend,
  ) {}

  /** Only valid between `enter` and `leave`. */
  get directory(): OpenDirectory {
    return this.#open!;
  }

  /** Opens the root if it is not open; throws RootMissing. `replaced`: it is another directory than last time. */
  enter(): 'same' | 'first' | 'replaced' {
    if (this.#open !== undefined) {
      if (this.#stillThere(this.#open)) return 'same';
      this.leave();
    }
    const [directory, { id, mount }] = this.#openNow();
    if (id !== this.#id) {
      const mounted = this.#isMountPoint(mount);
      if (this.#wasMount && !mounted) {
        directory.close();
        throw new RootMissing('unmounted');
      }
      this.#wasMount = mounted;
    }
    const state = id === this.#id ? 'same' : this.#id === '' ? 'first' : 'replaced';
    this.#id = id;
    this.#open = directory;
    return state;
  }

  /**
   * Opens the root if it is not open. False: it is not there, or it is another directory than at the last `enter`; then
   * `enter` must be called, which reports that.
   */
  enterSame(): boolean {
    if (this.#open !== undefined) return this.#stillThere(this.#open);
    try {
      const [directory, { id }] = this.#openNow();
      if (id === this.#id) this.#open = directory;
      else directory.close();
      return id === this.#id;
    } catch (error) {
      if (error instanceof RootMissing) return false;
      throw error;
    }
  }

  /** Safe to call twice. */
  leave(): void {
    this.#open?.close();
    this.#open = undefined;
  }

  /**
   * The directory was removed or its filesystem went. The next directory at this path counts as another one, even with
   * the same inode.
   */
  forget(): void {
    this.leave();
    if (this.#id !== '') this.#id = 'gone';
  }

  #stillThere(open: OpenDirectory): boolean {
    try {
      const [directory, { id }] = this.#openNow();
      directory.close();
      // The inode number of a removed directory is reused at once. A link count of zero shows that ours is the removed
      // one.
      return id === this.#id && open.facts().linked;
    } catch (error) {
      if (error instanceof RootMissing) return false;
      throw error;
    }
  }

  #openNow(): [OpenDirectory, DirectoryFacts] {
    try {
      const directory = this.backend.openRoot(this.path);
      return [directory, directory.facts()];
    } catch (error) {
      const code = codeOf(error);
      throw new RootMissing(code);
    }
  }

  #isMountPoint(mount: string): boolean {
    const above = this.backend.mountAbove(this.path);
    return above !== undefined && above !== mount;
  }
}
