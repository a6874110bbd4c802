/**
 * The root directory, which may go, come back, or be replaced. It is opened for a period of work and then closed, so an
 * idle watcher does not prevent an unmount.
 * Guarantees: all work of one period is done in one directory. A root that was a mount point and is none now is
 * missing, not empty.
 */
import type { ByteName } from '../../linux/names.js';
import type { Backend, DirectoryFacts, OpenDirectory } from '../backend/backend.js';

export type RootState = 'same' | 'first' | 'replaced';

export class RootMissing extends Error {
  constructor(readonly code: string) {
    super(`the root is missing: ${code}`);
  }
}

export class Root {
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
  enter(): RootState {
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
      const { code } = error as { code?: string };
      if (code === undefined) throw error;
      throw new RootMissing(code);
    }
  }

  #isMountPoint(mount: string): boolean {
    const above = this.backend.mountAbove(this.path);
    return above !== undefined && above !== mount;
  }
}
